// SPDX-License-Identifier: BSD-3-Clause
//
// CurlTransport: Transport by libcurl. A proxy that the environment names (https_proxy, no_proxy)
// is used as curl uses it; TLS then goes through it, end to end.
#pragma once

#include <memory>

#include "control/cli/fetch/transport.h"

namespace postern::cli {

std::unique_ptr<Transport> make_curl_transport(const TransportLimits& limits);

// "host:port" of an https URL, in lower case; empty for anything else.
std::string https_host(const std::string& url);

}  // namespace postern::cli
