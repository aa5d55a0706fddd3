// SPDX-License-Identifier: BSD-3-Clause
//
// AuditLog: every change of what an engine does, one line of JSON each: when, who, what, before and
// after. The line is written before the change is made, and where it cannot be written the change
// is refused: nothing happens that is not in the file. Should the change then fail, a second line
// says so. Lines go to the normal log, too. The file is opened anew for each line, so that it may
// be rotated by renaming it; what the kernel has taken counts as written.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/engine/caller.h"

namespace postern {

class AuditLog {
 public:
  // path: of the file, which is made with mode 0640; empty: the normal log alone. Throws
  // std::runtime_error where it cannot be appended to.
  AuditLog(std::string path, std::string engine);

  // Returns the number of the line. Throws ApiRefusal where it cannot be written.
  uint64_t record(const Caller& who, std::string_view what, boost::json::value before,
                  boost::json::value after);
  // That the change of that number was not made. What cannot be written any more is logged.
  void failed(uint64_t number, std::string_view why) noexcept;
  // That somebody was refused one. Anybody can make it so: of these, kRefusalsPerSecond lines are
  // written, and the next one says how many were left out.
  static constexpr unsigned kRefusalsPerSecond = 10;
  void refused(const Caller& who, std::string_view request) noexcept;

 private:
  void write(const boost::json::object& line);
  boost::json::object begin(std::string_view event);

  std::string path_, engine_;
  uint64_t next_ = 1;
  std::chrono::steady_clock::time_point second_{};  // when it began
  unsigned refusals_ = 0;                           // lines in it
  uint64_t left_out_ = 0;                           // since the last line
};

}  // namespace postern
