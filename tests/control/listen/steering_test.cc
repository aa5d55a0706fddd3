// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel's choice among the sockets of a port against ours, source by source; an interpreter of
// classic BPF over made-up headers where the loopback has no addresses to come from.
#include "control/listen/steering.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "control/listen/listening_socket.h"

namespace postern::listen {
namespace {

constexpr uint32_t kKey = 0x5eed5eed;

size_t mine(const Steering& steering, const IpAddress& source) {
  size_t found = steering.workers();
  for (size_t worker = 0; worker < steering.workers(); worker++) {
    if (!steering.may_meet(source, worker)) continue;
    EXPECT_EQ(found, steering.workers()) << "two workers";
    found = worker;
  }
  return found;
}

// What the program says to a packet whose network header is that.
uint32_t interpret(const std::vector<sock_filter>& program, const std::vector<uint8_t>& header) {
  uint32_t a = 0, x = 0;
  std::array<uint32_t, BPF_MEMWORDS> memory{};
  for (const auto& instruction : program) {
    const uint32_t k = instruction.k;
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS: {
        const size_t at = k - static_cast<uint32_t>(SKF_NET_OFF);
        a = uint32_t{header.at(at)} << 24 | uint32_t{header.at(at + 1)} << 16 |
            uint32_t{header.at(at + 2)} << 8 | header.at(at + 3);
        break;
      }
      case BPF_ALU | BPF_AND | BPF_K:
        a &= k;
        break;
      case BPF_ALU | BPF_XOR | BPF_K:
        a ^= k;
        break;
      case BPF_ALU | BPF_XOR | BPF_X:
        a ^= x;
        break;
      case BPF_ALU | BPF_ADD | BPF_X:
        a += x;
        break;
      case BPF_ALU | BPF_MUL | BPF_K:
        a *= k;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        a >>= k;
        break;
      case BPF_ALU | BPF_MOD | BPF_K:
        a %= k;
        break;
      case BPF_MISC | BPF_TAX:
        x = a;
        break;
      case BPF_ST:
        memory.at(k) = a;
        break;
      case BPF_LDX | BPF_MEM:
        x = memory.at(k);
        break;
      case BPF_RET | BPF_A:
        return a;
      default:
        ADD_FAILURE() << "instruction " << instruction.code;
        return 0;
    }
  }
  ADD_FAILURE() << "no end";
  return 0;
}

TEST(Steering, TheProgramSaysWhatWeSay) {
  std::mt19937 dice(1);
  for (const size_t workers : {1, 2, 3, 7, 64}) {
    const Steering steering(workers, kKey, Steering::By::kSource);
    std::map<size_t, int> met;
    for (int i = 0; i < 6400; i++) {
      const auto v4 = static_cast<uint32_t>(dice());
      std::vector<uint8_t> header(20);
      const uint32_t network_order = htonl(v4);
      std::memcpy(header.data() + 12, &network_order, 4);
      const size_t worker = interpret(steering.program(Family::kV4), header);
      EXPECT_EQ(worker, mine(steering, IpAddress::v4(v4)));
      EXPECT_EQ(worker, mine(steering, IpAddress::v4(v4 ^ 0x5a))) << "of the same /24";
      met[worker]++;

      std::array<uint8_t, 16> v6;
      for (auto& octet : v6) octet = static_cast<uint8_t>(dice());
      std::vector<uint8_t> header_v6(40);
      std::memcpy(header_v6.data() + 8, v6.data(), v6.size());
      const size_t worker_v6 = interpret(steering.program(Family::kV6), header_v6);
      EXPECT_EQ(worker_v6, mine(steering, IpAddress::v6(v6)));
      v6[15] ^= 1;
      EXPECT_EQ(worker_v6, mine(steering, IpAddress::v6(v6))) << "of the same /64";
      met[worker_v6]++;
    }
    EXPECT_EQ(met.size(), workers);
    // Of 12,800 sources; four standard deviations of a fair share are less than a third of it.
    for (const auto& [worker, count] : met) {
      EXPECT_GT(count * workers, 12800u * 2 / 3) << worker << " of " << workers;
      EXPECT_LT(count * workers, 12800u * 4 / 3) << worker << " of " << workers;
    }
  }
}

TEST(Steering, TheKernelDoesWhatWeSay) {
  const Steering steering(3, kKey, Steering::By::kSource);
  std::vector<ListeningSocket> sockets;
  Place place{.path = {}, .address = IpAddress::v4(0x7f000001), .port = 0};
  for (size_t worker = 0; worker < steering.workers(); worker++) {
    sockets.push_back(ListeningSocket::tcp(place, Sharing::kShared));
    place = sockets.back().place();
  }
  steering.attach(sockets.front().fd(), Family::kV4);
  std::mt19937 dice(2);
  std::set<size_t> met;
  for (int i = 0; i < 60; i++) {
    const uint32_t source = 0x7f000000 | (static_cast<uint32_t>(dice()) & 0x00ffff00) | 1;
    const Descriptor client(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in from{}, to{};
    from.sin_family = to.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(source);
    to.sin_addr.s_addr = htonl(0x7f000001);
    to.sin_port = htons(place.port);
    ASSERT_EQ(::bind(client.get(), reinterpret_cast<sockaddr*>(&from), sizeof from), 0);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    const size_t worker = mine(steering, IpAddress::v4(source));
    // It is in the queue of that one, and of no other.
    const Descriptor accepted(::accept(sockets[worker].fd(), nullptr, nullptr));
    EXPECT_TRUE(static_cast<bool>(accepted)) << IpAddress::v4(source).to_string();
    met.insert(worker);
  }
  EXPECT_EQ(met.size(), 3u);
}

TEST(Steering, ByChanceEverybodyMeetsAnybody) {
  const Steering steering(2, kKey, Steering::By::kChance);
  const auto source = IpAddress::v4(0x7f000001);
  EXPECT_TRUE(steering.may_meet(source, 0) && steering.may_meet(source, 1));
  std::vector<ListeningSocket> sockets;
  Place place{.path = {}, .address = source, .port = 0};
  for (int i = 0; i < 2; i++) {
    sockets.push_back(ListeningSocket::tcp(place, Sharing::kShared));
    place = sockets.back().place();
  }
  steering.attach(sockets.front().fd(), Family::kV4);
  std::set<int> met;
  for (int i = 0; i < 200 && met.size() < 2; i++) {
    const Descriptor client(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(0x7f000001);
    to.sin_port = htons(place.port);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    for (int worker = 0; worker < 2; worker++)
      if (const Descriptor accepted(
              ::accept(sockets[static_cast<size_t>(worker)].fd(), nullptr, nullptr));
          accepted)
        met.insert(worker);
  }
  EXPECT_EQ(met.size(), 2u);
}

}  // namespace
}  // namespace postern::listen
