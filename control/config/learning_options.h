// SPDX-License-Identifier: BSD-3-Clause
//
// The settings of what is learned about sources, and of what counts as evidence. Whatever they say,
// no single offence and no single unknown recipient makes an entry: that is refused here.
#pragma once

#include <boost/program_options/options_description.hpp>

#include "control/config/options.h"
#include "control/config/values.h"

namespace postern::config {

boost::program_options::options_description learning_settings();

// Behind the settings of mail: load balancers are never learned. Throws UsageError or BadInput.
void read_learning(const Values& values, Options& options);

}  // namespace postern::config
