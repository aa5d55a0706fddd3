// SPDX-License-Identifier: BSD-3-Clause
//
// P21 (perf/dataplane/pipeline.h): complete refused handshakes: SYN, SYN-ACK, ACK, 554, FIN, FIN.
// Ours are played by a client that makes each segment from the reply to its last one, over ports of
// rings; only the worker's polls are timed. The peer is a server on the kernel's stack that
// accepts, writes the same line and closes; its client has another core, and only the server's
// thread is timed, though on the loopback much of what TCP does for it is done by its client's.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <ctime>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "dataplane/engine/cookie_secret.h"
#include "perf/dataplane/measure.h"
#include "perf/dataplane/pipeline.h"
#include "perf/dataplane/poll_side.h"
#include "perf/dataplane/traffic.h"

namespace postern::perf {
namespace {

constexpr unsigned kClients = 64;  // at once
constexpr uint64_t kNow = 1'000'000'000;
constexpr uint8_t kFin = 1, kSyn = 2, kAck = 16;
constexpr size_t kIp = 14, kTcp = 34;  // of an untagged IPv4 frame without options

uint32_t word(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}
void put(uint8_t* at, uint32_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) at[i] = static_cast<uint8_t>(value >> 8 * (bytes - 1 - i));
}

// Two ports of rings; what is sent to a client comes out of the first one's.
class Rings {
 public:
  Rings() {
    pool_ = rte_pktmbuf_pool_create("handshakes", 4095, 64, 0, RTE_PKTMBUF_HEADROOM + 512, 0);
    for (int i = 0; i < 4; i++)
      rings_[i] = rte_ring_create(("handshakes" + std::to_string(i)).c_str(), 1024, 0, 0);
    if (!pool_ || !rings_[3]) throw std::runtime_error("P21: no memory");
    for (int port = 0; port < 2; port++) {
      const int id = rte_eth_from_rings(port ? "handshakes_mx" : "handshakes_wan",
                                        &rings_[2 * port], 1, &rings_[2 * port + 1], 1, 0);
      const rte_eth_conf conf{};
      if (id < 0 || rte_eth_dev_configure(static_cast<uint16_t>(id), 1, 1, &conf) != 0 ||
          rte_eth_rx_queue_setup(static_cast<uint16_t>(id), 0, 64, 0, nullptr, pool_) != 0 ||
          rte_eth_tx_queue_setup(static_cast<uint16_t>(id), 0, 64, 0, nullptr) != 0 ||
          rte_eth_dev_start(static_cast<uint16_t>(id)) != 0)
        throw std::runtime_error("P21: no ports of rings");
      (port ? wire.mx : wire.wan) = static_cast<uint16_t>(id);
    }
  }
  ~Rings() {
    for (const auto port : {wire.wan, wire.mx}) {
      rte_eth_dev_stop(port);
      rte_eth_dev_close(port);
    }
    for (auto* ring : rings_) rte_ring_free(ring);
    rte_mempool_free(pool_);
  }
  Rings(const Rings&) = delete;
  Rings& operator=(const Rings&) = delete;

  void send(const Frame& frame) {
    auto* packet = rte_pktmbuf_alloc(pool_);
    if (!packet) throw std::runtime_error("P21: no packet");
    std::memcpy(rte_pktmbuf_append(packet, static_cast<uint16_t>(frame.size())), frame.data(),
                frame.size());
    rte_ring_enqueue(rings_[0], packet);
  }
  Frame take() {
    void* taken = nullptr;
    if (rte_ring_dequeue(rings_[1], &taken) != 0) throw std::runtime_error("P21: no reply");
    auto* packet = static_cast<rte_mbuf*>(taken);
    const auto* data = rte_pktmbuf_mtod(packet, const uint8_t*);
    Frame frame(data, data + packet->data_len);
    rte_pktmbuf_free(packet);
    return frame;
  }

  dpdk::Wire wire;

 private:
  rte_mempool* pool_;
  rte_ring* rings_[4];
};

// The client's next segment, from the reply to its last one.
Frame next_segment(const Frame& reply, uint8_t flags) {
  const uint16_t port = static_cast<uint16_t>(reply[kTcp + 2] << 8 | reply[kTcp + 3]);
  auto frame = syn_v4(word(&reply[kIp + 16]), port, 0, false);
  frame.resize(kTcp + 20);
  frame[kIp + 3] = 40;
  const auto text = static_cast<uint32_t>(reply.size() - kTcp) - (reply[kTcp + 12] >> 4) * 4u;
  const uint32_t length = text + ((reply[kTcp + 13] & kSyn) != 0);
  put(&frame[kTcp + 4], word(&reply[kTcp + 8]), 4);
  put(&frame[kTcp + 8], word(&reply[kTcp + 4]) + length, 4);
  frame[kTcp + 12] = 0x50;
  frame[kTcp + 13] = flags;
  set_ipv4_checksum(frame, kIp, 20);
  set_tcp_checksum(frame, kTcp, kIp + 12, 4);
  return frame;
}

bool says_554(const Frame& reply) {
  const auto text = kTcp + (reply[kTcp + 12] >> 4) * 4u;
  return reply.size() > text + 4 && std::memcmp(&reply[text], "554 ", 4) == 0;
}

class Refuser {
 public:
  explicit Refuser(const Plan& plan) : plan_(plan), listed_(10'000, 1) {
    CookieSecret::random().rotate(keys_, 1'700'000'000);
    side_.emplace(rings_.wire, 0, plan.burst, rules_of(listed_, "  refuse greeting list listed\n"),
                  keys_);
  }

  // Handshakes a second of the worker.
  double pass() {
    constexpr unsigned kRounds = 400;
    Side rounds{"", {}, {}};
    for (unsigned round = 0; round < kRounds; round++) {
      double cycles = 0;
      std::vector<Frame> segments;
      for (unsigned i = 0; i < kClients; i++)
        segments.push_back(syn_v4(listed_.v4()[(round * kClients + i) % listed_.v4().size()],
                                  static_cast<uint16_t>(1024 + round), 0, false));
      cycles += answered(segments);
      for (auto& segment : segments) segment = next_segment(segment, kAck);
      cycles += answered(segments);
      for (auto& segment : segments) {
        if (!says_554(segment)) throw std::runtime_error("P21: a client was not refused");
        segment = next_segment(segment, kFin | kAck);
      }
      cycles += answered(segments);
      for (const auto& segment : segments)
        if (!(segment[kTcp + 13] & kFin)) throw std::runtime_error("P21: a FIN was not answered");
      rounds.passes.push_back(cycles);
    }
    // Rounds are so short that few of them are interrupted.
    return kClients / rounds.median() * static_cast<double>(rte_get_tsc_hz());
  }

 private:
  // Cycles; each segment becomes the reply to it.
  double answered(std::vector<Frame>& segments) {
    for (const auto& segment : segments) rings_.send(segment);
    const auto start = rte_rdtsc_precise();
    for (unsigned done = 0; done < kClients;) done += side_->loop().poll(kNow);
    const auto spent = rte_rdtsc_precise() - start;
    for (auto& segment : segments) segment = rings_.take();
    return static_cast<double>(spent);
  }

  const Plan& plan_;
  Rings rings_;
  Listed listed_;
  ps_cookie_keys keys_{};
  std::optional<PollSide> side_;
};

void on_core(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

// Connections a second of the server's thread.
double kernel_pass(double seconds) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  if (bind(listener, reinterpret_cast<sockaddr*>(&here), size) != 0 ||
      listen(listener, 1024) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&here), &size) != 0)
    throw std::runtime_error("P21: no listening socket");
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> refused = 0;
  std::thread clients([&] {
    on_core(0);
    while (!stop) {
      const int client = socket(AF_INET, SOCK_STREAM, 0);
      char line[128];
      ssize_t got = 0, more;
      if (connect(client, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0)
        while ((more = read(client, line + got, sizeof line - static_cast<size_t>(got))) > 0)
          got += more;
      if (got > 4 && std::memcmp(line, "554 ", 4) == 0) refused++;
      const linger at_once{1, 0};  // an RST, so that the server's port is free again
      setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      close(client);
    }
    shutdown(listener, SHUT_RDWR);
  });
  constexpr char kLine[] = "554 5.7.1 Service unavailable; client host blocked\r\n";
  const auto start = cycles_run();
  timespec begin{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (;;) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) break;
    if (write(connection, kLine, sizeof kLine - 1) < 0) break;
    close(connection);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (static_cast<double>(now.tv_sec - begin.tv_sec) +
            static_cast<double>(now.tv_nsec - begin.tv_nsec) * 1e-9 >
        seconds)
      stop = true;
  }
  const auto spent = cycles_run() - start;
  clients.join();
  close(listener);
  return static_cast<double>(refused) / spent * static_cast<double>(rte_get_tsc_hz());
}

}  // namespace

void refused_handshakes(const Plan& plan, boost::json::array& results) {
  Refuser refuser(plan);
  std::vector<Side> sides = {
      {"accept, write, close on the kernel's stack", [] { return kernel_pass(0.15) / 1e3; }},
      {"Postern, refuse greeting", [&] { return refuser.pass() / 1e3; }}};
  time_in_turn(sides, plan.passes);
  report("P21, complete refused handshakes", "thousands a second and core", sides, results);
  report("P21, Postern's", "of the kernel's", {ratio("handshakes", sides[1], sides[0])}, results);
}

}  // namespace postern::perf
