// SPDX-License-Identifier: BSD-3-Clause
//
// A process that serves the real management API for an engine in plain memory, so that the command
// line can be tested against it without a network device: engine_host SOCKET [--refuse]. With
// --refuse, it loads no snapshot. Its counters are fixed numbers, one per port and reason.
#include <cstdio>
#include <exception>
#include <string_view>

#include "dataplane/engine/api_server.h"
#include "tests/dataplane/engine/memory_engine.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || (argc == 3 && std::string_view(argv[2]) != "--refuse")) {
    std::fputs("usage: engine_host SOCKET [--refuse]\n", stderr);
    return 2;
  }
  try {
    postern::MemoryEngine engine;
    engine.refuses_ = argc == 3;
    engine.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] = 1234567;
    engine.counters_.packets[PS_PORT_WAN][PS_REASON_NOT_SERVICE] = 1000;
    engine.counters_.packets[PS_PORT_MX][PS_REASON_FROM_INSIDE] = 77;
    engine.counters_.bytes[PS_PORT_WAN] = 99000000;
    engine.counters_.bytes[PS_PORT_MX] = 7700;
    postern::ApiServer server(engine, {.socket = argv[1]});
    server.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "engine_host: %s\n", error.what());
    return 1;
  }
  return 0;
}
