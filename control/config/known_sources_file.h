// SPDX-License-Identifier: BSD-3-Clause
//
// KnownSourcesFile: keeps the sources that are known in a file, so that a restart does not make
// everybody wait again. The file is a convenience: what cannot be read or written is logged once
// and costs a pause, never mail.
#pragma once

#include <cstdint>
#include <string>

#include "control/policy/known_sources.h"

namespace postern::config {

class KnownSourcesFile {
 public:
  // path: empty: does nothing.
  KnownSourcesFile(std::string path, policy::KnownSources& sources)
      : path_(std::move(path)), sources_(sources) {}

  void read(int64_t now);  // now: Unix seconds
  // Replaces the file where anything changed since. False: it could not be; logged when that is
  // new.
  bool write();

 private:
  std::string path_;
  policy::KnownSources& sources_;
  uint64_t written_changes_ = 0;
  bool worked_ = true;
};

}  // namespace postern::config
