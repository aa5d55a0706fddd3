// SPDX-License-Identifier: BSD-3-Clause
//
// The lines begin with a word that a later version may not know: it leaves them out.
#include "control/process/inheritance.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace postern::process {
namespace {

constexpr const char* kVariable = "POSTERN_CONTROL_INHERITANCE";
constexpr const char* kFirstLine = "postern-control inheritance 1";

void close_on_exec(int descriptor, bool yes) noexcept {
  if (descriptor >= 0) ::fcntl(descriptor, F_SETFD, yes ? FD_CLOEXEC : 0);
}

template <typename Visit>
void for_each_descriptor(const Inheritance& inheritance, Visit visit) {
  for (const int socket : inheritance.sockets) visit(socket);
  for (const auto& worker : inheritance.workers) {
    visit(worker.channel);
    visit(worker.notifications);
  }
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count =
        ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

Inheritance parse(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kFirstLine)
    throw std::runtime_error("what the version before left is not understood");
  Inheritance result;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "steering") {
      words >> result.steering_key;
    } else if (word == "ready") {
      words >> result.was_ready;
    } else if (word == "socket") {
      words >> result.sockets.emplace_back();
    } else if (word == "worker") {
      auto& worker = result.workers.emplace_back();
      words >> worker.pid >> worker.number >> worker.channel >> worker.notifications;
    } else {
      continue;
    }
    if (!words) throw std::runtime_error("what the version before left is cut off: " + line);
  }
  return result;
}

}  // namespace

std::optional<Inheritance> Inheritance::take() {
  const char* variable = std::getenv(kVariable);
  if (variable == nullptr) return std::nullopt;
  std::istringstream words(variable);
  pid_t pid = 0;
  int descriptor = -1;
  words >> pid >> descriptor;
  ::unsetenv(kVariable);
  if (!words || pid != ::getpid()) return std::nullopt;  // somebody else's
  const listen::Descriptor memory(descriptor);
  Inheritance result = parse(read_all(memory.get()));
  result.keep();
  return result;
}

listen::Descriptor Inheritance::leave() const {
  std::ostringstream text;
  text << kFirstLine << "\nsteering " << steering_key << "\nready " << was_ready << '\n';
  for (const int socket : sockets) text << "socket " << socket << '\n';
  for (const auto& worker : workers)
    text << "worker " << worker.pid << ' ' << worker.number << ' ' << worker.channel << ' '
         << worker.notifications << '\n';
  const std::string all = text.str();
  listen::Descriptor memory(::memfd_create("postern-inheritance", 0));
  const bool written =
      memory && ::write(memory.get(), all.data(), all.size()) == static_cast<ssize_t>(all.size());
  const std::string variable = std::to_string(::getpid()) + ' ' + std::to_string(memory.get());
  if (!written || ::setenv(kVariable, variable.c_str(), 1) != 0)
    throw std::system_error(errno, std::system_category(), "nothing can be left to a new version");
  for_each_descriptor(*this, [](int descriptor) { close_on_exec(descriptor, false); });
  return memory;
}

void Inheritance::keep() const noexcept {
  ::unsetenv(kVariable);
  for_each_descriptor(*this, [](int descriptor) { close_on_exec(descriptor, true); });
}

std::vector<int> sockets_of_systemd() {
  std::vector<int> sockets;
  const int count = ::sd_listen_fds(1);
  for (int i = 0; i < count; i++) sockets.push_back(SD_LISTEN_FDS_START + i);
  return sockets;
}

}  // namespace postern::process
