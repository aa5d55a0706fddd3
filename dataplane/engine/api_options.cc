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
    ("operators", po::value(&settings.operators)->value_name("GROUP"),
     "who may change what the engine does: members of this group, root and the engine's own user")
    ("readers", po::value(&settings.readers)->value_name("GROUP"),
     "who may only look")
    ("api-listen", po::value(&settings.listen)->value_name("ADDR:PORT"),
     "serve the management API there, too, over TLS with certificates on both sides")
    ("api-cert", po::value(&settings.certificate)->value_name("FILE"),
     "this engine's certificate, with its chain (PEM)")
    ("api-key", po::value(&settings.key)->value_name("FILE"), "its key")
    ("api-ca", po::value(&settings.authority)->value_name("FILE"),
     "the authority of those who may look")
    ("api-operator", po::value(&settings.operator_names)->composing()->value_name("NAME"),
     "a name in the certificates of those who may also change: the common name, or an alternative "
     "name (DNS, mail, URI); may be repeated")
    ("audit", po::value(&settings.audit)->value_name("FILE"),
     "write a line there for every change, before it is made; no line, no change")
    ("samples", po::value(&settings.samples_per_second)
       ->default_value(settings.samples_per_second)->value_name("N"),
     "packets shown in a second, about, while somebody asks for samples; 0 shows none");
  // clang-format on
}

std::string fault_of(const ApiSettings& settings) {
  if (settings.samples_per_second > SampleFeed::kMaxPerSecond)
    return "--samples must be 0 to " + std::to_string(SampleFeed::kMaxPerSecond);
  const bool has_files =
      !settings.certificate.empty() && !settings.key.empty() && !settings.authority.empty();
  const bool has_any = !settings.certificate.empty() || !settings.key.empty() ||
                       !settings.authority.empty() || !settings.operator_names.empty();
  if (!settings.listen.empty() && !has_files)
    return "--api-listen needs --api-cert, --api-key and --api-ca";
  if (settings.listen.empty() && has_any)
    return "--api-cert, --api-key, --api-ca and --api-operator are for --api-listen, which is "
           "missing";
  return {};
}

}  // namespace postern
