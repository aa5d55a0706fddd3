// SPDX-License-Identifier: BSD-3-Clause
//
// UnusedSettings: the settings that were given and that nothing looks at, as the part of
// postern-control that would is not there: no SMTP listener, no milter, no outbound listener, no
// engine over TLS. They are no mistake that keeps a host from serving, but a site that believes in
// them is mistaken.
#pragma once

#include <string>
#include <vector>

#include "control/config/options.h"
#include "control/config/values.h"

namespace postern::config {

// "greet-pause", in the order of the help.
std::vector<std::string> unused_settings(const Values& values, const Options& options);

// All that only some parts look at; the others are looked at by each.
std::vector<std::string> settings_of_parts();

}  // namespace postern::config
