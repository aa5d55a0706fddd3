// SPDX-License-Identifier: BSD-3-Clause
//
// Declaring the options of the management API (dataplane/engine/api_options.h).
#include "dataplane/engine/api_options.h"

#include <boost/program_options/value_semantic.hpp>

namespace postern {

namespace po = boost::program_options;

void add_api_options(po::options_description& description, ApiSettings& settings) {
  // clang-format off
  description.add_options()
    ("api", po::value(&settings.socket)->default_value(settings.socket)->value_name("SOCKET"),
     "serve the management API there")
    ("samples", po::value(&settings.samples_per_second)
       ->default_value(settings.samples_per_second)->value_name("N"),
     "packets shown in a second, about, while somebody asks for samples; 0 shows none");
  // clang-format on
}

std::string fault_of(const ApiSettings& settings) {
  if (settings.samples_per_second > SampleFeed::kMaxPerSecond)
    return "--samples must be 0 to " + std::to_string(SampleFeed::kMaxPerSecond);
  return {};
}

}  // namespace postern
