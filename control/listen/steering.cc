// SPDX-License-Identifier: BSD-3-Clause
//
// The hash is a keyed multiply-and-fold of 32 bits, since classic BPF has no more: enough to spread
// sources. program() and hash() are the same steps, in the same order.
#include "control/listen/steering.h"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace postern::listen {
namespace {

constexpr uint32_t kNetV4 = 0xffffff00;
constexpr uint32_t kFirst = 0x9e3779b1, kSecond = 0x85ebca6b;  // odd
constexpr uint32_t kSourceV4 = 12, kSourceV6 = 8;              // in their headers
constexpr int kFold = 15;

uint32_t word(const IpAddress& address, size_t first) {
  const auto& bytes = address.bytes();
  return uint32_t{bytes[first]} << 24 | uint32_t{bytes[first + 1]} << 16 |
         uint32_t{bytes[first + 2]} << 8 | bytes[first + 3];
}

uint32_t fold(uint32_t value) {
  return value ^ value >> kFold;
}

uint32_t hash(const IpAddress& source, uint32_t key) {
  uint32_t value = 0;
  if (source.is_v4()) {
    value = source.v4_host_order() & kNetV4;
  } else {
    value = fold((word(source, 0) ^ key) * kFirst);
    value += word(source, 4);
  }
  return fold(fold((value ^ key) * kFirst) * kSecond);
}

constexpr uint32_t from_network_header(uint32_t offset) {
  return static_cast<uint32_t>(SKF_NET_OFF) + offset;
}

void add_fold(std::vector<sock_filter>& program) {
  program.push_back(BPF_STMT(BPF_MISC | BPF_TAX, 0));
  program.push_back(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, kFold));
  program.push_back(BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0));
}

void add_multiplied(std::vector<sock_filter>& program, uint32_t factor) {
  program.push_back(BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, factor));
  add_fold(program);
}

}  // namespace

bool Steering::may_meet(const IpAddress& source, size_t worker) const noexcept {
  return by_ == By::kChance || hash(source, key_) % workers_ == worker;
}

std::vector<sock_filter> Steering::program(Family family) const {
  std::vector<sock_filter> program;
  const auto load = [&](uint32_t offset) {
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
  };
  if (by_ == By::kChance) {
    load(static_cast<uint32_t>(SKF_AD_OFF) + SKF_AD_RANDOM);
  } else {
    if (family == Family::kV4) {
      load(from_network_header(kSourceV4));
      program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kNetV4));
    } else {
      load(from_network_header(kSourceV6));
      program.push_back(BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, key_));
      add_multiplied(program, kFirst);
      program.push_back(BPF_STMT(BPF_ST, 0));
      load(from_network_header(kSourceV6 + 4));
      program.push_back(BPF_STMT(BPF_LDX | BPF_MEM, 0));
      program.push_back(BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0));
    }
    program.push_back(BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, key_));
    add_multiplied(program, kFirst);
    add_multiplied(program, kSecond);
  }
  program.push_back(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, static_cast<uint32_t>(workers_)));
  program.push_back(BPF_STMT(BPF_RET | BPF_A, 0));
  return program;
}

void Steering::attach(int socket, Family family) const {
  auto instructions = program(family);
  const sock_fprog program{.len = static_cast<unsigned short>(instructions.size()),
                           .filter = instructions.data()};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) != 0)
    throw std::system_error(errno, std::system_category(),
                            "connections cannot be shared out among workers");
}

}  // namespace postern::listen
