// SPDX-License-Identifier: BSD-3-Clause
//
// Traffic: what the benchmarks of the DPDK engine send, and the rules it is judged by: real SYNs as
// clients send them, of both families, tagged and not, from sources of which a share is listed.
// What becomes of each is known from how it was made, not from the engine's tables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern::perf {

using Frame = std::vector<uint8_t>;

inline constexpr uint32_t kServiceV4 = 0xc6336419;  // 198.51.100.25
inline constexpr std::string_view kServices = "198.51.100.25/32 2001:db8:25::25/128";

// Single addresses, scattered: of ten, eight are IPv4 ones and two are IPv6 /64.
class Listed {
 public:
  Listed(size_t entries, uint64_t seed);
  const std::vector<uint32_t>& v4() const noexcept { return v4_; }  // host order
  const std::vector<uint64_t>& v6() const noexcept { return v6_; }  // the high halves
  bool contains_v4(uint32_t address) const noexcept;
  bool contains_v6(uint64_t net) const noexcept;

 private:
  std::vector<uint32_t> v4_;
  std::vector<uint64_t> v6_;  // both sorted
};

// `none` is a list of one address that nobody has. Declared first and lower than all others, it
// takes the class that the listed ones have otherwise.
struct ListOrder {
  bool none_first = false;
};
// `rules`: the lines of `connection to mx`, of the lists `listed` and `none`. Throws on failure.
std::vector<std::byte> compiled(const Listed& listed, const std::string& rules,
                                ListOrder order = {});
std::shared_ptr<const Snapshot> rules_of(const Listed& listed, const std::string& rules,
                                         ListOrder order = {});

struct Traffic {
  std::vector<Frame> frames;
  size_t from_listed = 0;  // of the frames
};

struct Mix {
  size_t frames = 65536;  // each from a source of its own
  double hits = 0.5;      // the share from listed sources
  double v6 = 0.25;       // the share of IPv6
  double tagged = 0.25;   // the share with one VLAN tag
  bool hostile = false;   // two tags, IPv4 options, IPv6 extension headers
  uint64_t seed = 7;
};
Traffic make_traffic(const Listed& listed, const Mix& mix);

// One segment: SYN with a client's usual options, to the service at port 25.
Frame syn_v4(uint32_t source, uint16_t source_port, unsigned tags, bool options);
Frame syn_v6(uint64_t net, uint64_t host, uint16_t source_port, unsigned tags, unsigned extensions);

// Makes the checksum of an IPv4 header of so many bytes right.
void set_ipv4_checksum(Frame& frame, size_t ip, size_t bytes);
// Makes the TCP checksum right. tcp: where that header begins; the IP header's addresses, of 4 or
// 16 bytes each, begin at `addresses`.
void set_tcp_checksum(Frame& frame, size_t tcp, size_t addresses, size_t address_bytes);

// Throws std::runtime_error.
void write_pcap(const std::string& path, const std::vector<Frame>& frames);

}  // namespace postern::perf
