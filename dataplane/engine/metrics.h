// SPDX-License-Identifier: BSD-3-Clause
//
// What an engine counts, in Prometheus text exposition format 0.0.4. The words of ports, fates and
// reasons are those of the JSON API.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "dataplane/engine/counter_history.h"
#include "dataplane/engine/engine.h"

namespace postern {

// By enum ps_event: the word of each, and what it means.
struct EventWord {
  std::string_view word, explanation;
};
inline constexpr std::array<EventWord, PS_EVENT_COUNT> kEventWords = {{
#define PS_X(name, word, text) {word, text},
    PS_EVENTS(PS_X)
#undef PS_X
}};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// By enum ps_port.
inline constexpr std::array<std::string_view, PS_PORT_COUNT> kPortWords = {"wan", "mx"};

std::string prometheus_text(Engine& engine, const CounterHistory& history);

}  // namespace postern
