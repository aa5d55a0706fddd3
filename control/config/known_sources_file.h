// SPDX-License-Identifier: BSD-3-Clause
//
// KnownSourcesFile: keeps the sources that are known in a file, so that a restart does not make
// everybody wait again. A loss costs some sources a pause.
#pragma once

#include <string>
#include <utility>

#include "control/config/kept_table.h"
#include "control/policy/known_sources.h"

namespace postern::config {

class KnownSourcesFile : public KeptTable {
 public:
  KnownSourcesFile(std::string path, policy::KnownSources& sources)
      : KeptTable(std::move(path), table_of("known-sources", "sources", sources)) {}
};

}  // namespace postern::config
