// SPDX-License-Identifier: BSD-3-Clause
//
// Slapd: a real OpenLDAP server of a test's own: on a Unix socket and a loopback port, with its
// database in a temporary directory. Nothing of the system's slapd is touched, no service started.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/rules/support/temporary_directory.h"

extern char** environ;

namespace postern::directory {

class Slapd {
 public:
  static constexpr const char* kProgram = "/usr/sbin/slapd";
  static bool is_installed() { return access(kProgram, X_OK) == 0; }

  // ldif: all entries, from dc=example down. more: lines of slapd.conf for the database. global:
  // lines before it. Throws when slapd does not come up.
  explicit Slapd(const std::string& ldif, const std::string& more = "",
                 const std::string& global = "", bool tls = false) {
    std::string config;
    for (const char* schema : {"core", "cosine", "inetorgperson", "misc"})
      config += "include /etc/ldap/schema/" + std::string(schema) + ".schema\n";
    config += "modulepath /usr/lib/ldap\nmoduleload back_mdb\nsizelimit unlimited\n" + global +
              "pidfile " + path("pid") + "\nargsfile " + path("args") +
              "\ndatabase mdb\nsuffix dc=example\nmaxsize 268435456\ndbnosync\n"
              "rootdn cn=root,dc=example\nrootpw secret\nindex mail,mailLocalAddress eq\n"
              "directory " +
              path("data") + "\n" + more;
    std::filesystem::create_directory(path("data"));
    directory_.write("slapd.conf", config);
    directory_.write("all.ldif", ldif);
    const pid_t adding =
        spawn({kProgram, "-T", "add", "-q", "-f", path("slapd.conf"), "-l", path("all.ldif")});
    int status = 0;
    waitpid(adding, &status, 0);
    if (status != 0) throw std::runtime_error("slapadd: " + read("log"));
    port_ = free_port();
    tls_port_ = tls ? free_port() : uint16_t{0};
    start();
  }
  ~Slapd() { kill(); }
  Slapd(const Slapd&) = delete;
  Slapd& operator=(const Slapd&) = delete;

  // Takes entries out of the running server.
  template <typename... Names>
  void remove(const Names&... names) {
    const pid_t removing = spawn({"/usr/bin/ldapdelete", "-x", "-H", socket_uri(), "-D",
                                  "cn=root,dc=example", "-w", "secret", std::string(names)...});
    int status = 0;
    waitpid(removing, &status, 0);
    if (status != 0) throw std::runtime_error("ldapdelete: " + read("log"));
  }

  // Again, with what it had.
  void start() {
    std::string where = socket_uri() + "/ " + uri() + "/";
    if (tls_port_ != 0) where += " " + tls_uri() + "/";
    process_ = spawn({kProgram, "-d", "0", "-f", path("slapd.conf"), "-h", where});
    for (int attempt = 0; attempt < 1500; attempt++) {
      if (waitpid(process_, nullptr, WNOHANG) != 0) {
        process_ = 0;
        break;
      }
      if (accepts()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    kill();
    throw std::runtime_error("slapd does not come up: " + read("log"));
  }
  void kill() {
    if (process_ == 0) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  // What it is sent while it is paused waits in its sockets. Returns when it stands still.
  void pause() {
    ::kill(process_, SIGSTOP);
    waitpid(process_, nullptr, WUNTRACED);
  }
  void resume() { ::kill(process_, SIGCONT); }

  std::string socket_uri() const {
    std::string uri = "ldapi://";
    for (const char c : path("ldapi")) uri += c == '/' ? std::string("%2F") : std::string(1, c);
    return uri;
  }
  std::string uri() const { return "ldap://localhost:" + std::to_string(port_); }
  std::string tls_uri() const { return "ldaps://localhost:" + std::to_string(tls_port_); }

 private:
  std::string path(const char* name) const { return directory_.path(name); }
  std::string read(const char* name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  pid_t spawn(std::vector<std::string> words) const {
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, path("log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t process = 0;
    const int failed =
        posix_spawn(&process, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("slapd cannot be started");
    return process;
  }
  static uint16_t free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    const bool bound = bind(probe, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                       getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    close(probe);
    if (!bound) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
  }
  bool accepts() const {
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    const bool up =
        connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return up;
  }

  test::TemporaryDirectory directory_;
  uint16_t port_ = 0, tls_port_ = 0;
  pid_t process_ = 0;
};

}  // namespace postern::directory
