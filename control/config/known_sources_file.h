// SPDX-License-Identifier: BSD-3-Clause
//
// KnownSourcesFile: keeps the sources that are known in a file, so that a restart does not make
// everybody wait again. A loss costs some sources a pause. Workers share one file: each takes and
// writes its own sources (control/listen/steering.h), and leaves the lines of the others as they
// are.
#pragma once

#include <cstddef>
#include <string>

#include "control/config/kept_table.h"
#include "control/listen/steering.h"
#include "control/policy/known_sources.h"

namespace postern::config {

class KnownSourcesFile : public KeptTable {
 public:
  // path: empty: does nothing. steering: among which workers, and which of them this is; both it
  // and sources outlive this.
  KnownSourcesFile(std::string path, policy::KnownSources& sources,
                   const listen::Steering& steering, size_t worker);

  bool write(std::chrono::milliseconds patience = {}) override;

 private:
  Table table();
  std::string lines_of_others() const;

  policy::KnownSources& sources_;
  const listen::Steering& steering_;
  const size_t worker_;
};

}  // namespace postern::config
