// SPDX-License-Identifier: BSD-3-Clause
//
// What the user that workers run as must be able to write: told at the start, in one line, and not
// when the first message comes.
#pragma once

#include "control/config/options.h"

namespace postern::config {

// To be asked in a worker, as its user. Throws std::runtime_error naming the setting, the file and
// the user, where work is not possible; what only costs some memory is logged.
void require_user_files(const Options& options);

}  // namespace postern::config
