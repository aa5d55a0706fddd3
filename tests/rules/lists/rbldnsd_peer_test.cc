// SPDX-License-Identifier: BSD-3-Clause
//
// rbldnsd itself serves generated data files on loopback, and says of every address at which
// something can change what our readers say: listed or not, with which A values and texts.
// Skipped where rbldnsd is not installed.
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <set>
#include <stdexcept>

#include "tests/rules/lists/naive_listing.h"
#include "tests/rules/support/temporary_directory.h"

extern char** environ;

namespace postern::test {
namespace {

constexpr const char* kProgram = "/usr/sbin/rbldnsd";

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

uint16_t free_udp_port() {
  const int probe = socket(AF_INET, SOCK_DGRAM, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

// A process of rbldnsd with one data file, as the zone "x.test".
class Rbldnsd {
 public:
  Rbldnsd(const std::string& type, const std::string& text) {
    namespace fs = std::filesystem;
    const auto file = directory_.write("zone", text);
    // It gives up being root before it reads.
    fs::permissions(fs::path(file).parent_path(),
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    const auto port = free_udp_port();
    const auto bind_to = "127.0.0.1/" + std::to_string(port), zone = "x.test:" + type + ":" + file;
    const char* const arguments[] = {kProgram, "-n", "-b", bind_to.c_str(), zone.c_str(), nullptr};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    for (const int output : {1, 2})
      posix_spawn_file_actions_addopen(&quiet, output, "/dev/null", O_WRONLY, 0);
    const int error = posix_spawn(&process_, kProgram, &quiet, nullptr,
                                  const_cast<char* const*>(arguments), environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (error != 0) throw std::runtime_error("rbldnsd cannot be started");
    socket_ = socket(AF_INET, SOCK_DGRAM, 0);
    const auto address = loopback(port);
    connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    for (int attempt = 0; attempt < 3000; attempt++)  // a minute, where nobody listens
      if (answer("1.0.0.127.x.test", ns_t_a, 50)) return;
    stop();
    throw std::runtime_error("rbldnsd does not answer");
  }
  ~Rbldnsd() { stop(); }
  Rbldnsd(const Rbldnsd&) = delete;
  Rbldnsd& operator=(const Rbldnsd&) = delete;

  // A values as "127.0.0.2", texts as they are.
  std::set<std::string> records(const std::string& name, ns_type type) {
    for (int attempt = 0; attempt < 30; attempt++)
      if (const auto found = answer(name, type, 2000)) return *found;
    throw std::runtime_error("rbldnsd does not answer any more");
  }

 private:
  std::optional<std::set<std::string>> answer(const std::string& name, ns_type type, int wait_ms) {
    std::array<unsigned char, 512> query{};
    const int size = res_mkquery(ns_o_query, name.c_str(), ns_c_in, type, nullptr, 0, nullptr,
                                 query.data(), static_cast<int>(query.size()));
    if (size < 0 || send(socket_, query.data(), static_cast<size_t>(size), 0) < 0)
      return std::nullopt;
    std::array<unsigned char, 4096> reply{};
    for (pollfd ready{socket_, POLLIN, 0}; poll(&ready, 1, wait_ms) == 1;) {
      const auto count = recv(socket_, reply.data(), reply.size(), 0);
      if (count < 0) {  // nobody listens yet
        usleep(20000);
        return std::nullopt;
      }
      if (count > 2 && reply[0] == query[0] && reply[1] == query[1])
        return parsed(reply.data(), static_cast<int>(count));
    }
    return std::nullopt;
  }

  static std::set<std::string> parsed(const unsigned char* reply, int size) {
    std::set<std::string> found;
    ns_msg message;
    if (ns_initparse(reply, size, &message) != 0) throw std::runtime_error("no DNS message");
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
      ns_rr record;
      if (ns_parserr(&message, ns_s_an, i, &record) != 0) throw std::runtime_error("no record");
      const auto* data = ns_rr_rdata(record);
      if (ns_rr_type(record) == ns_t_a)
        found.insert(IpAddress::v4(static_cast<uint32_t>(ns_get32(data))).to_string());
      else
        found.emplace(reinterpret_cast<const char*>(data) + 1, data[0]);
    }
    return found;
  }

  void stop() {
    if (socket_ >= 0) close(socket_);
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }

  TemporaryDirectory directory_;
  pid_t process_ = 0;
  int socket_ = -1;
};

// "1.2.0.192.x.test", and nibbles for IPv6.
std::string name_of(const IpAddress& address) {
  std::string name;
  const auto& bytes = address.bytes();
  if (address.is_v4()) {
    for (size_t i = 4; i-- > 0;) name += std::to_string(bytes[i]) + '.';
  } else {
    constexpr char kDigits[] = "0123456789abcdef";
    for (size_t i = 16; i-- > 0;) {
      name += std::string(1, kDigits[bytes[i] & 15]) + '.';
      name += std::string(1, kDigits[bytes[i] >> 4]) + '.';
    }
  }
  return name + "x.test";
}

// What rbldnsd makes of a template when it answers. A variable that nobody set stays.
std::string filled_in(const std::string& text, const IpAddress& address) {
  std::string filled;
  for (size_t i = 0; i < text.size(); i++) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '$' || (next >= '0' && next <= '9'))
      filled += text[i];
    else if (next == '$')
      filled += text[i++];
    else
      filled += address.to_string();
  }
  return filled;
}

void compare(const std::string& type, const std::string& text) {
  const auto content = read_list(type, text);
  ASSERT_GT(content.size(), 0u);
  Rbldnsd rbldnsd(type, text);
  size_t listed = 0;
  for (const auto& address : places_of(content)) {
    std::set<std::string> values, texts;
    for (const auto& note : listing_at(content, address)) {
      values.insert(note.word);
      if (!note.text.empty()) texts.insert(filled_in(note.text, address));
    }
    ASSERT_EQ(rbldnsd.records(name_of(address), ns_t_a), values) << address.to_string() << " in\n"
                                                                 << text;
    ASSERT_EQ(rbldnsd.records(name_of(address), ns_t_txt), texts) << address.to_string() << " in\n"
                                                                  << text;
    listed += values.empty() ? 0 : 1;
  }
  EXPECT_GT(listed, 0u);
  EXPECT_LT(listed, places_of(content).size());
}

class RbldnsdPeer : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kProgram, X_OK) != 0) GTEST_SKIP() << kProgram << " is not installed";
  }

  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  std::string value() {
    switch (below(6)) {
      case 0:
        return " :" + std::to_string(1 + below(9));
      case 1:
        return " :" + std::to_string(1 + below(9)) + ":";
      case 2:
        return " :127.0.1." + std::to_string(1 + below(9)) + ":text $ of $$ and $1 $2";
      case 3:
        return " text " + std::to_string(below(9));
      case 4:
        return " # comment";
      default:
        return "";
    }
  }
  std::string head() {
    return "$SOA 0 ns.x.test a.x.test 0 1h 1h 1w 1h\n# comment\n;comment\n$1 one\n" +
           std::string(below(2) ? ":4:default $1 for $\n" : "") + "$1 again\n#$2 two\n";
  }
  // "10.1.2", of so many octets, few of each value.
  std::string octets(uint32_t count) {
    std::string text = "10";
    for (uint32_t i = 1; i < count; i++)
      text += '.' + std::to_string(below(2) ? below(3) : 254 + below(2));
    return text;
  }
  std::string prefix(uint32_t shortest) {
    const auto length = static_cast<int>(shortest + below(33 - shortest));
    const auto address = IpAddress::parse(octets(4)).value();
    return Prefix::make(address, length, Prefix::HostBits::kMask)->to_string();
  }
  std::string not_always() { return below(3) == 0 ? "!" : ""; }

  std::string ip4set_entry() {
    switch (below(5)) {
      case 0:
        return octets(2 + below(3));
      case 1:
        return prefix(8);
      case 2:
        return "10." + std::to_string(below(3)) + '-' + std::to_string(3 + below(250));
      case 3: {
        auto first = IpAddress::parse(octets(4)).value(),
             last = IpAddress::parse(octets(4)).value();
        if (last < first) std::swap(first, last);
        return first.to_string() + '-' + last.to_string();
      }
      default:
        return "10.1.0-10.1." + std::to_string(below(256));
    }
  }
  std::string lines(uint32_t count, const std::function<std::string()>& entry) {
    std::string text;
    for (; count > 0; count--) {
      const auto excluded = not_always();
      text += excluded + entry() + (excluded.empty() ? value() : "") + '\n';
      if (below(10) == 0) text += ":5:another default\n";
    }
    return text;
  }
  std::string ip6_entry() {
    const char* const kNets[] = {"2001:db8", "2001:db8:1", "2001:db8:1:2", "2001:db8:ffff"};
    switch (below(3)) {
      case 0:
        return kNets[below(4)];
      case 1:
        return std::string(kNets[below(4)]) + "::" + std::to_string(below(3));
      default:
        return Prefix::make(IpAddress::parse(std::string(kNets[below(4)]) + "::1").value(),
                            static_cast<int>(20 + below(109)), Prefix::HostBits::kMask)
            ->to_string();
    }
  }

 private:
  std::mt19937 random_{20};
};

TEST_F(RbldnsdPeer, AgreesOnIp4set) {
  for (int i = 0; i < 12; i++)
    compare("ip4set", head() + lines(4 + below(20), [&] { return ip4set_entry(); }));
}

TEST_F(RbldnsdPeer, AgreesOnIp4trie) {
  for (int i = 0; i < 8; i++)
    compare("ip4trie", head() + lines(4 + below(20), [&] { return prefix(8); }));
}

TEST_F(RbldnsdPeer, AgreesOnIp6trie) {
  for (int i = 0; i < 8; i++)
    compare("ip6trie", head() + lines(4 + below(20), [&] { return ip6_entry(); }));
}

TEST_F(RbldnsdPeer, AgreesOnCombined) {
  for (int i = 0; i < 6; i++)
    compare("combined", "$1 of the file\n$TTL 1h\n$DATASET ip4set:a @\n" + head() +
                            lines(8, [&] { return ip4set_entry(); }) + "$DATASET ip4trie @ b\n" +
                            lines(8, [&] { return prefix(8); }) +
                            "$DATASET generic @\nwww A 127.0.0.1\n$DATASET ip6trie:c @\n" + head() +
                            lines(8, [&] { return ip6_entry(); }));
}

}  // namespace
}  // namespace postern::test
