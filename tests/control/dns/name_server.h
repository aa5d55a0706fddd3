// SPDX-License-Identifier: BSD-3-Clause
//
// NameServer: a real nsd on loopback with one zone, for tests. Its files lie in a temporary
// directory of its own and nothing of the system's nsd is touched.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

extern char** environ;

namespace postern::dns {

class NameServer {
 public:
  static constexpr const char* kProgram = "/usr/sbin/nsd";
  static bool is_installed() { return access(kProgram, X_OK) == 0; }

  // zone: "example.org"; text: its master file, with SOA and NS. Throws when nsd does not come up.
  NameServer(const std::string& zone, const std::string& text) {
    std::string pattern = std::filesystem::temp_directory_path() / "postern-nsd-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    port_ = free_port();
    std::ofstream(directory_ / "zone") << text;
    std::ofstream(directory_ / "nsd.conf")
        << "server:\n  ip-address: 127.0.0.1@" << port_ << "\n  username: \"\"\n  chroot: \"\"\n"
        << "  server-count: 1\n  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n"
        << "  database: \"\"\n  zonesdir: \"" << directory_.string() << "\"\n"
        << "  pidfile: \"" << (directory_ / "pid").string() << "\"\n"
        << "  xfrdfile: \"" << (directory_ / "xfrd").string() << "\"\n"
        << "  xfrdir: \"" << directory_.string() << "\"\n"
        << "  zonelistfile: \"" << (directory_ / "zonelist").string() << "\"\n"
        << "  logfile: \"" << (directory_ / "log").string() << "\"\n"
        << "remote-control:\n  control-enable: no\n"
        << "zone:\n  name: \"" << zone << "\"\n  zonefile: \"zone\"\n";
    const std::string config = directory_ / "nsd.conf";
    const char* const arguments[] = {kProgram, "-d", "-c", config.c_str(), nullptr};
    if (posix_spawn(&process_, kProgram, nullptr, nullptr, const_cast<char* const*>(arguments),
                    environ) != 0) {
      throw std::runtime_error("nsd cannot be started");
    }
    for (int attempt = 0; attempt < 3000; attempt++) {  // a minute
      if (waitpid(process_, nullptr, WNOHANG) != 0) {
        process_ = 0;
        break;
      }
      if (accepts()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const std::string log = read(directory_ / "log");
    stop();
    std::filesystem::remove_all(directory_);
    throw std::runtime_error("nsd does not come up: " + log);
  }
  ~NameServer() {
    stop();
    std::filesystem::remove_all(directory_);
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  void stop() {
    if (process_ == 0) return;
    // Every second again: one that comes while it starts may be missed.
    for (int attempt = 0; waitpid(process_, nullptr, WNOHANG) == 0; attempt++) {
      if (attempt % 50 == 0) kill(process_, attempt < 3000 ? SIGTERM : SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    process_ = 0;
  }
  std::string address() const { return "127.0.0.1@" + std::to_string(port_); }  // as libunbound

 private:
  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  // Of UDP and of TCP, and of those that the kernel gives to no client: nobody takes it until it is
  // listened on.
  static uint16_t free_port() {
    std::random_device random;
    for (int attempt = 0; attempt < 100; attempt++) {
      const int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = loopback(static_cast<uint16_t>(20'000 + random() % 12'000));
      const bool is_free =
          bind(udp, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
          bind(tcp, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
      close(udp);
      close(tcp);
      if (is_free) return ntohs(address.sin_port);
    }
    throw std::runtime_error("no free port");
  }
  bool accepts() const {
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port_);
    const bool is_up =
        connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return is_up;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path directory_;
  uint16_t port_ = 0;
  pid_t process_ = 0;
};

}  // namespace postern::dns
