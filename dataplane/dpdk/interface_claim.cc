// SPDX-License-Identifier: BSD-3-Clause
//
// Claiming a kernel interface (dataplane/dpdk/interface_claim.h). The lock is an abstract Unix
// socket's name: those belong to a network namespace, as interfaces do, and vanish with the
// process.
#include "dataplane/dpdk/interface_claim.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace postern::dpdk {
namespace {

// The program that libxdp puts on an interface for an AF_XDP socket. One without a process is what
// a killed engine left; the driver takes it over.
constexpr std::string_view kDriversOwn = "xsk_def_prog";

// The name of the XDP program on an interface; empty when there is none.
std::string xdp_program(unsigned interface_index) {
  uint32_t id = 0;
  if (bpf_xdp_query_id(static_cast<int>(interface_index), 0, &id) != 0 || id == 0) return {};
  const int program = bpf_prog_get_fd_by_id(id);
  if (program < 0) return "?";
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  const int error = bpf_obj_get_info_by_fd(program, &info, &size);
  close(program);
  return error == 0 ? info.name : "?";
}

int log_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  std::array<char, 512> line;
  const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text(line.data(),
                        std::min<size_t>(static_cast<size_t>(std::max(size, 0)), line.size() - 1));
  while (text.ends_with('\n')) text.remove_suffix(1);
  spdlog::debug("event=libbpf-message text=\"{}\"", text);
  return size;
}

}  // namespace

InterfaceClaim::InterfaceClaim(const std::string& interface, bool for_xdp)
    : lock_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const auto refuse = [this](const std::string& why) {
    if (lock_ >= 0) close(lock_);
    throw std::runtime_error(why);
  };
  if (lock_ < 0) refuse("no socket: " + std::generic_category().message(errno));
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) refuse("there is no interface '" + interface + "' in this network namespace");

  const std::string name = "postern/interface/" + interface;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(name, address.sun_path + 1);  // the first byte 0: abstract
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(lock_, reinterpret_cast<const sockaddr*>(&address), size) != 0)
    refuse(errno == EADDRINUSE
               ? "the other port, or another postern-dataplane, drives '" + interface + "' already"
               : "cannot claim '" + interface + "': " + std::generic_category().message(errno));
  if (!for_xdp) return;
  const auto program = xdp_program(index);
  if (!program.empty() && program != kDriversOwn)
    refuse("the interface '" + interface + "' has an XDP program already, " + program +
           "; take it down first (`ip link set dev " + interface +
           " xdp off`, or stop the program it belongs to)");
}

InterfaceClaim::~InterfaceClaim() {
  close(lock_);
}

void log_bpf_messages() {
  libbpf_set_print(log_message);
}

}  // namespace postern::dpdk
