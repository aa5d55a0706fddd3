// SPDX-License-Identifier: BSD-3-Clause
//
// wire_probe: frames into one end of a wire and out of the other, by AF_PACKET sockets in network
// namespaces: `ping` times single frames one after the other, `flood` sends as fast as it is told,
// `stream` numbers what it sends, and says what has become of the numbers at the other end; SIGINT
// ends it before its time. Prints one line of JSON. Made for perf/dataplane/wire_bench.py and
// tests/e2e/hitless_test.py.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/program_options.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace po = boost::program_options;
using Frame = std::vector<uint8_t>;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// place: "NAMESPACE:INTERFACE". What leaves by the interface itself is not received.
int open_socket(const std::string& place) {
  const auto colon = place.find(':');
  const auto space = "/run/netns/" + place.substr(0, colon);
  const int there = open(space.c_str(), O_RDONLY | O_CLOEXEC);
  if (there < 0 || setns(there, CLONE_NEWNET) != 0) fail(space);
  close(there);
  const int opened = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  if (opened < 0) fail("AF_PACKET");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(place.substr(colon + 1).c_str()));
  if (bind(opened, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail(place);
  const int yes = 1;
  setsockopt(opened, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
  setsockopt(opened, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
  return opened;
}

// Frames of a capture in this machine's byte order.
std::vector<Frame> read_pcap(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  uint32_t header[6], record[4];
  if (!file.read(reinterpret_cast<char*>(header), sizeof header) || header[0] != 0xa1b2c3d4)
    throw std::runtime_error(path + " is no capture that is known here");
  std::vector<Frame> frames;
  while (file.read(reinterpret_cast<char*>(record), sizeof record)) {
    Frame frame(record[2]);
    if (record[2] > 65535 || !file.read(reinterpret_cast<char*>(frame.data()), record[2]))
      throw std::runtime_error(path + " ends within a frame");
    frames.push_back(std::move(frame));
  }
  if (frames.empty()) throw std::runtime_error(path + " is empty");
  return frames;
}

// One frame at a time; gap: between two. A frame that is not back within 100 ms is lost.
void ping(int from, int to, Frame frame, unsigned count, uint64_t gap_ns) {
  constexpr uint64_t kPatience = 100'000'000;
  std::vector<uint64_t> times;
  unsigned lost = 0;
  uint8_t buffer[2048];
  for (unsigned i = 0; i < count; i++) {
    // The last four bytes say which one it is.
    std::memcpy(&frame[frame.size() - 4], &i, 4);
    const auto sent = now_ns();
    if (send(from, frame.data(), frame.size(), 0) < 0) fail("sending");
    for (;;) {
      const auto got = recv(to, buffer, sizeof buffer, MSG_DONTWAIT);
      const auto received = now_ns();
      if (got == static_cast<ssize_t>(frame.size()) &&
          std::memcmp(buffer + got - 4, &frame[frame.size() - 4], 4) == 0) {
        times.push_back(received - sent);
        break;
      }
      if (received - sent > kPatience) {
        lost++;
        break;
      }
    }
    for (const auto until = now_ns() + gap_ns; now_ns() < until;) {
    }
  }
  if (times.empty()) throw std::runtime_error("no frame came through");
  std::ranges::sort(times);
  const auto at = [&](double share) {
    return static_cast<double>(
               times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))]) /
           1e3;
  };
  std::printf(
      "{\"count\":%zu,\"lost\":%u,\"min_us\":%.3f,\"p50_us\":%.3f,\"p99_us\":%.3f,"
      "\"p99_9_us\":%.3f}\n",
      times.size(), lost, at(0), at(0.5), at(0.99), at(0.999));
}

// rate: frames a second, 0 without bound. run_ns: of the processor, sending and all that the kernel
// does in its course.
void flood(int from, const std::vector<Frame>& frames, double seconds, double rate) {
  constexpr unsigned kBatch = 32;
  mmsghdr messages[kBatch]{};
  iovec parts[kBatch];
  uint64_t sent = 0, refused = 0;
  const auto begin = now_ns(), run = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  const auto end = begin + static_cast<uint64_t>(seconds * 1e9);
  for (uint64_t now = begin; now < end; now = now_ns()) {
    if (rate > 0 &&
        static_cast<double>(sent + refused) >= static_cast<double>(now - begin) * rate / 1e9)
      continue;
    for (unsigned i = 0; i < kBatch; i++) {
      const auto& frame = frames[(sent + refused + i) % frames.size()];
      parts[i] = {const_cast<uint8_t*>(frame.data()), frame.size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int taken = sendmmsg(from, messages, kBatch, 0);
    if (taken < 0 && errno != ENOBUFS && errno != EAGAIN) fail("sending");
    sent += static_cast<uint64_t>(std::max(taken, 0));
    if (taken <= 0) refused++;  // that one the device does not take: it is lost
  }
  std::printf("{\"sent\":%llu,\"refused\":%llu,\"seconds\":%.6f,\"run_ns\":%llu}\n",
              static_cast<unsigned long long>(sent), static_cast<unsigned long long>(refused),
              static_cast<double>(now_ns() - begin) / 1e9,
              static_cast<unsigned long long>(now_ns(CLOCK_PROCESS_CPUTIME_ID) - run));
}

// What tells a frame of a stream from others: its last bytes, behind what its IP header counts.
struct Tag {
  char mark[8] = {'p', 'o', 's', 't', 'e', 'r', 'n', '#'};
  uint64_t number = 0;
};

// What has come of a stream so far.
struct Arrivals {
  uint64_t count = 0, missing = 0, late = 0;  // late: behind one with a higher number
  uint64_t next = 0;
  uint64_t last_ns = 0, longest_gap_ns = 0;

  void take(const uint8_t* frame, size_t bytes) {
    Tag tag;
    if (bytes < sizeof tag) return;
    Tag found;
    std::memcpy(&found, frame + bytes - sizeof found, sizeof found);
    if (std::memcmp(found.mark, tag.mark, sizeof tag.mark) != 0) return;
    count++;
    if (found.number < next) {
      late++;
      return;
    }
    missing += found.number - next;
    next = found.number + 1;
    const auto now = now_ns();
    if (last_ns != 0) longest_gap_ns = std::max(longest_gap_ns, now - last_ns);
    last_ns = now;
  }
};

void receive_stream(int to, const std::atomic<bool>& ended, Arrivals& arrivals) {
  constexpr unsigned kBatch = 64;
  static uint8_t buffers[kBatch][2048];
  mmsghdr messages[kBatch]{};
  iovec parts[kBatch];
  for (unsigned i = 0; i < kBatch; i++) {
    parts[i] = {buffers[i], sizeof buffers[i]};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (;;) {
    const bool last = ended.load();
    const int got = recvmmsg(to, messages, kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; i < got; i++) arrivals.take(buffers[i], messages[i].msg_len);
    if (got > 0) continue;
    if (last) return;
    usleep(100);
  }
}

volatile std::sig_atomic_t interrupted = 0;

// One frame in turn, numbered, at an even rate; the rest of those that were sent are waited for.
void stream(int from, int to, const std::vector<Frame>& frames, double seconds, double rate) {
  constexpr int kRoom = 256 << 20;
  setsockopt(to, SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom);
  Arrivals arrivals;
  std::atomic<bool> ended = false;
  std::thread receiver([&] { receive_stream(to, ended, arrivals); });
  std::vector<Frame> tagged;
  for (const auto& frame : frames) {
    tagged.push_back(frame);
    tagged.back().resize(frame.size() + sizeof(Tag));
  }
  Tag tag;
  uint64_t refused = 0;
  const auto begin = now_ns();
  const auto end = begin + static_cast<uint64_t>(seconds * 1e9);
  std::signal(SIGINT, [](int) { interrupted = 1; });
  for (uint64_t now = begin; now < end && interrupted == 0; now = now_ns()) {
    if (static_cast<double>(tag.number) >= static_cast<double>(now - begin) * rate / 1e9) {
      usleep(50);
      continue;
    }
    auto& frame = tagged[tag.number % tagged.size()];
    std::memcpy(frame.data() + frame.size() - sizeof tag, &tag, sizeof tag);
    tag.number++;
    if (send(from, frame.data(), frame.size(), 0) < 0) {
      if (errno != ENOBUFS && errno != EAGAIN) fail("sending");
      refused++;
    }
  }
  usleep(300'000);
  ended = true;
  receiver.join();
  tpacket_stats lost{};
  socklen_t size = sizeof lost;
  getsockopt(to, SOL_PACKET, PACKET_STATISTICS, &lost, &size);
  std::printf(
      "{\"sent\":%llu,\"refused\":%llu,\"received\":%llu,\"missing\":%llu,\"late\":%llu,"
      "\"unread\":%u,\"longest_gap_ms\":%.3f,\"seconds\":%.3f}\n",
      static_cast<unsigned long long>(tag.number), static_cast<unsigned long long>(refused),
      static_cast<unsigned long long>(arrivals.count),
      static_cast<unsigned long long>(arrivals.missing + tag.number - arrivals.next),
      static_cast<unsigned long long>(arrivals.late), lost.tp_drops,
      static_cast<double>(arrivals.longest_gap_ns) / 1e6,
      static_cast<double>(now_ns() - begin) / 1e9);
}

}  // namespace

int main(int count, char** words) {
  std::string what, send_place, receive_place, pcap;
  unsigned pings = 10000, core = 0;
  double gap_us = 50, seconds = 1, rate = 0;
  po::options_description options("wire_probe ping|flood|stream [OPTIONS]");
  options.add_options()("what", po::value(&what))("send", po::value(&send_place))(
      "receive", po::value(&receive_place))("pcap", po::value(&pcap))("count", po::value(&pings))(
      "gap", po::value(&gap_us), "microseconds")("seconds", po::value(&seconds))(
      "rate", po::value(&rate))("core", po::value(&core));
  try {
    po::positional_options_description first;
    first.add("what", 1);
    po::variables_map given;
    po::store(po::command_line_parser(count, words).options(options).positional(first).run(),
              given);
    po::notify(given);
    if (what != "ping" && what != "flood" && what != "stream")
      throw po::error("ping, flood or stream");
    if (what == "stream" && rate <= 0) throw po::error("a stream has a --rate");
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (what != "stream" && sched_setaffinity(0, sizeof set, &set) != 0) fail("pinning");
    const auto frames = read_pcap(pcap);
    const int from = open_socket(send_place);
    if (what == "ping")
      ping(from, open_socket(receive_place), frames.front(), pings,
           static_cast<uint64_t>(gap_us * 1e3));
    else if (what == "stream")
      stream(from, open_socket(receive_place), frames, seconds, rate);
    else
      flood(from, frames, seconds, rate);
    return 0;
  } catch (const po::error& wrong) {
    std::fprintf(stderr, "wire_probe: %s\n%s", wrong.what(),
                 (std::ostringstream() << options).str().c_str());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "wire_probe: %s\n", error.what());
    return 1;
  }
}
