// SPDX-License-Identifier: BSD-3-Clause
//
// The options of the management API, which both engines have: their names, texts and defaults are
// here, and only here.
#pragma once

#include <boost/program_options/options_description.hpp>

#include "dataplane/engine/api_settings.h"

namespace postern {

// settings: holds the defaults, and is set when the options are notified; it must outlive them.
void add_api_options(boost::program_options::options_description& description,
                     ApiSettings& settings);
// What is wrong with them, in one line that names the option; empty: nothing.
std::string fault_of(const ApiSettings& settings);

}  // namespace postern
