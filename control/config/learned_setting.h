// SPDX-License-Identifier: BSD-3-Clause
//
// The setting `learned` of postern-control, which the command line looks up, too: where learned
// entries are kept.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <string>

#include "control/config/values.h"

namespace postern::config {

void add_learned_setting(boost::program_options::options_description& into);
// Empty: nowhere.
std::string read_learned_setting(const Values& values);

// Of a config file of postern-control, whose other settings are not looked at. Throws BadInput.
std::string learned_setting_in(const std::string& config_file);

}  // namespace postern::config
