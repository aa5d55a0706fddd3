// SPDX-License-Identifier: BSD-3-Clause
//
// Making traffic, and the rules for it (perf/dataplane/traffic.h).
#include "perf/dataplane/traffic.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <unordered_set>

#include "rules/address/address.h"
#include "rules/compile/compile.h"
#include "rules/policy/parse.h"

namespace postern::perf {
namespace {

constexpr uint64_t kServiceV6Net = 0x20010db800250000, kServiceV6Host = 0x25;

uint32_t random_v4(std::mt19937_64& random) {
  for (;;) {  // unicast, and not of the service's own network
    const auto address = static_cast<uint32_t>(0x01000000u + random() % 0xdf000000u);
    if (address >> 24 != 127 && address >> 8 != kServiceV4 >> 8) return address;
  }
}
uint64_t random_v6(std::mt19937_64& random) {
  return 0x2400000000000000u | (random() & 0x03ffffffffffffffu);  // of what is allocated
}

class Bytes {
 public:
  Bytes& be(uint64_t value, unsigned bytes) {
    while (bytes-- > 0) frame.push_back(static_cast<uint8_t>(value >> 8 * bytes));
    return *this;
  }
  Frame frame;
};

void add_ethernet(Bytes& bytes, unsigned tags, uint16_t type) {
  bytes.be(0x020000000002, 6).be(0x020000000001, 6);
  for (unsigned tag = 0; tag < tags; tag++)
    bytes.be(tag + 1 < tags ? 0x88a8 : 0x8100, 2).be(100 + tag, 2);
  bytes.be(type, 2);
}

void add_syn(Bytes& bytes, uint16_t source_port) {
  bytes.be(source_port, 2).be(25, 2).be(0x12345678u ^ source_port, 4).be(0, 4);
  bytes.be(0xa002, 2).be(64240, 2).be(0, 4);  // 40 bytes, SYN
  bytes.be(0x020405b4, 4).be(0x0402080a, 4).be(0x01020304, 4).be(0, 4).be(0x01030307, 4);
}

uint16_t header_checksum(const uint8_t* header, size_t bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes; i += 2)
    sum += static_cast<uint32_t>(header[i] << 8 | header[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

std::string text_of(uint64_t high, uint64_t low) {
  ps_address address{};
  for (size_t i = 0; i < 8; i++) {
    address.bytes[i] = static_cast<uint8_t>(high >> (56 - 8 * i));
    address.bytes[8 + i] = static_cast<uint8_t>(low >> (56 - 8 * i));
  }
  return IpAddress::from_abi(PS_FAMILY_V6, address).to_string();
}

}  // namespace

Listed::Listed(size_t entries, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::unordered_set<uint32_t> v4;
  std::unordered_set<uint64_t> v6;
  while (v4.size() < entries * 8 / 10) v4.insert(random_v4(random));
  while (v6.size() < entries - v4.size()) v6.insert(random_v6(random));
  v4_.assign(v4.begin(), v4.end());
  v6_.assign(v6.begin(), v6.end());
  std::ranges::sort(v4_);
  std::ranges::sort(v6_);
}

bool Listed::contains_v4(uint32_t address) const noexcept {
  return std::ranges::binary_search(v4_, address);
}

bool Listed::contains_v6(uint64_t net) const noexcept {
  return std::ranges::binary_search(v6_, net);
}

std::vector<std::byte> compiled(const Listed& listed, const std::string& rules, ListOrder order) {
  char name[] = "/tmp/postern-bench-XXXXXX";
  if (!mkdtemp(name)) throw std::runtime_error("no temporary directory");
  const std::filesystem::path folder = name;
  {
    std::ofstream list(folder / "listed");
    for (const auto address : listed.v4()) list << IpAddress::v4(address).to_string() << '\n';
    for (const auto net : listed.v6()) list << text_of(net, 0) << "/64\n";
    std::ofstream(folder / "none") << (order.none_first ? "0.0.0.1\n" : "255.255.255.254\n");
  }
  const auto list = [&](const std::string& which) {
    return "list " + which + " \"" + (folder / which).string() + "\" format cidr\n";
  };
  const auto policy = parse_policy(
      (order.none_first ? list("none") + list("listed") : list("listed") + list("none")) +
          "service mx " + std::string(kServices) + " port 25\nconnection to mx\n" + rules,
      "bench.policy");
  auto bytes = compile(policy).bytes;
  std::filesystem::remove_all(folder);
  return bytes;
}

std::shared_ptr<const Snapshot> rules_of(const Listed& listed, const std::string& rules,
                                         ListOrder order) {
  return Snapshot::from_bytes(compiled(listed, rules, order), "bench");
}

Frame syn_v4(uint32_t source, uint16_t source_port, unsigned tags, bool options) {
  Bytes bytes;
  add_ethernet(bytes, tags, 0x0800);
  const auto ip = bytes.frame.size();
  const unsigned header = options ? 40 : 20;
  bytes.be(0x40u | header / 4, 1).be(0, 1).be(header + 40, 2).be(0x1234, 2).be(0x4000, 2);
  bytes.be(54, 1).be(6, 1).be(0, 2).be(source, 4).be(kServiceV4, 4);
  for (unsigned i = 20; i < header; i++) bytes.be(1, 1);
  set_ipv4_checksum(bytes.frame, ip, header);
  add_syn(bytes, source_port);
  set_tcp_checksum(bytes.frame, ip + header, ip + 12, 4);
  return bytes.frame;
}

Frame syn_v6(uint64_t net, uint64_t host, uint16_t source_port, unsigned tags,
             unsigned extensions) {
  Bytes bytes;
  add_ethernet(bytes, tags, 0x86dd);
  bytes.be(0x60000000, 4).be(8 * extensions + 40, 2).be(extensions ? 60 : 6, 1).be(54, 1);
  bytes.be(net, 8).be(host, 8).be(kServiceV6Net, 8).be(kServiceV6Host, 8);
  for (unsigned i = 0; i < extensions; i++)
    bytes.be(i + 1 < extensions ? 60 : 6, 1).be(0, 1).be(0x01040000, 4).be(0, 2);
  const auto tcp = bytes.frame.size();
  add_syn(bytes, source_port);
  set_tcp_checksum(bytes.frame, tcp, tcp - 8 * extensions - 32, 16);
  return bytes.frame;
}

void set_ipv4_checksum(Frame& frame, size_t ip, size_t bytes) {
  frame[ip + 10] = frame[ip + 11] = 0;
  const auto checksum = header_checksum(&frame[ip], bytes);
  frame[ip + 10] = static_cast<uint8_t>(checksum >> 8);
  frame[ip + 11] = static_cast<uint8_t>(checksum);
}

void set_tcp_checksum(Frame& frame, size_t tcp, size_t addresses, size_t address_bytes) {
  const auto length = frame.size() - tcp;
  uint32_t sum = 6 + static_cast<uint32_t>(length);
  for (size_t i = 0; i < 2 * address_bytes; i += 2)
    sum += static_cast<uint32_t>(frame[addresses + i] << 8 | frame[addresses + i + 1]);
  frame[tcp + 16] = frame[tcp + 17] = 0;
  const auto checksum = header_checksum(&frame[tcp], length, sum);
  frame[tcp + 16] = static_cast<uint8_t>(checksum >> 8);
  frame[tcp + 17] = static_cast<uint8_t>(checksum);
}

Traffic make_traffic(const Listed& listed, const Mix& mix) {
  std::mt19937_64 random(mix.seed);
  std::unordered_set<uint32_t> v4;
  std::unordered_set<uint64_t> v6;
  const auto one_in = [&](double share) {
    return static_cast<double>(random() % 1'000'000) < share * 1'000'000;
  };
  const auto share_of = [&](const auto& sources) {  // of listed ones; where they are too few, again
    return sources[random() % sources.size()];
  };
  Traffic traffic;
  while (traffic.frames.size() < mix.frames) {
    const bool hit = one_in(mix.hits), is_v6 = one_in(mix.v6);
    const unsigned tags = mix.hostile ? 2 : one_in(mix.tagged);
    const auto port = static_cast<uint16_t>(1024 + random() % 64000);
    if (is_v6) {
      const auto net = hit ? share_of(listed.v6()) : random_v6(random);
      if (hit != listed.contains_v6(net)) continue;
      if (!v6.insert(net).second && !hit) continue;
      traffic.frames.push_back(syn_v6(net, random(), port, tags,
                                      mix.hostile ? 1 + static_cast<unsigned>(random() % 5) : 0));
    } else {
      const auto source = hit ? share_of(listed.v4()) : random_v4(random);
      if (hit != listed.contains_v4(source)) continue;
      if (!v4.insert(source).second && !hit) continue;
      traffic.frames.push_back(syn_v4(source, port, tags, mix.hostile && random() % 2 == 0));
    }
    traffic.from_listed += hit;
  }
  return traffic;
}

void write_pcap(const std::string& path, const std::vector<Frame>& frames) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](auto... words) {
    const uint32_t values[] = {static_cast<uint32_t>(words)...};
    file.write(reinterpret_cast<const char*>(values), sizeof values);
  };
  put(0xa1b2c3d4, 4u << 16 | 2u, 0, 0, 65535, 1);  // as libpcap writes them, version 2.4, Ethernet
  for (const auto& frame : frames) {
    put(0, 0, frame.size(), frame.size());
    file.write(reinterpret_cast<const char*>(frame.data()),
               static_cast<std::streamsize>(frame.size()));
  }
  if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

}  // namespace postern::perf
