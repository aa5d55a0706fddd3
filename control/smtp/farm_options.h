// SPDX-License-Identifier: BSD-3-Clause
//
// FarmOptions: what the site says of its farm: the backends, how long they may take, how their
// health is judged, and how many connections are kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "control/smtp/backend.h"
#include "control/smtp/farm_pool.h"

namespace postern::smtp {

struct FarmOptions {
  std::vector<Backend> backends;  // at least one
  std::string own_name;           // said in EHLO
  std::string ca_file;            // PEM, for TlsUse::kVerify; empty: the system's
  // RFC 5321 §4.5.3.2 asks for at least 5, 5, 2, 3 and 10 minutes. But the last is also how long
  // the client waits, and it has waited since its final dot: it gets its answer before it goes.
  std::chrono::milliseconds connect_time{30'000};
  std::chrono::milliseconds reply_time{300'000};  // greeting and commands
  std::chrono::milliseconds block_time{180'000};  // of text to be taken
  std::chrono::milliseconds final_time{570'000};  // from the client's final dot (answer_time.h)
  // How often a backend is asked whether it lives and what it offers; a dead one more often.
  std::chrono::milliseconds check_time{60'000};
  // A client that is silent that long before or within its message gives its connection back.
  std::chrono::milliseconds stall_time{5'000};
  size_t idle_legs = 10;  // connections kept per backend for other clients; 0: none
  std::chrono::milliseconds idle_time{30'000};
  // Where all backends have as many connections as they may: until one has room.
  std::chrono::milliseconds room_time{5'000};
  FarmPool::Options pool;
};

}  // namespace postern::smtp
