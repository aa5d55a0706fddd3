// SPDX-License-Identifier: BSD-3-Clause
//
// KnownSourcesFile: keeps the sources that are known in a file, so that a restart does not make
// everybody wait again. The file is a convenience: what cannot be read or written is logged once
// and costs a pause, never mail. Workers share one file: each takes and writes its own sources
// (control/listen/steering.h), and leaves the lines of the others as they are.
#pragma once

#include <cstdint>
#include <string>

#include "control/listen/steering.h"
#include "control/policy/known_sources.h"

namespace postern::config {

class KnownSourcesFile {
 public:
  // path: empty: does nothing. steering: among which workers, and which of them this is.
  KnownSourcesFile(std::string path, policy::KnownSources& sources,
                   const listen::Steering& steering, size_t worker)
      : path_(std::move(path)), sources_(sources), steering_(steering), worker_(worker) {}

  void read(int64_t now);  // now: Unix seconds
  // Replaces the file where anything changed since. False: it could not be; logged when that is
  // new.
  bool write();

 private:
  std::string lines_of_others() const;

  std::string path_;
  policy::KnownSources& sources_;
  const listen::Steering& steering_;
  size_t worker_;
  uint64_t written_changes_ = 0;
  bool worked_ = true;
};

}  // namespace postern::config
