// SPDX-License-Identifier: BSD-3-Clause
//
// What an engine counts, in Prometheus text exposition format 0.0.4. The words of ports, fates and
// reasons are those of the JSON API.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "dataplane/engine/engine.h"

namespace postern {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// By enum ps_port.
inline constexpr std::array<std::string_view, PS_PORT_COUNT> kPortWords = {"wan", "mx"};

std::string prometheus_text(Engine& engine);

}  // namespace postern
