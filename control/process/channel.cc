// SPDX-License-Identifier: BSD-3-Clause
//
// One octet a message; SOCK_SEQPACKET, so that the other's end is seen as an empty one.
#include "control/process/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace postern::process {
namespace {

union ControlBuffer {
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
  cmsghdr aligned;
};

}  // namespace

std::pair<Channel, Channel> Channel::make() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    throw std::system_error(errno, std::system_category(), "a worker cannot be talked to");
  return {Channel(listen::Descriptor(ends[0])), Channel(listen::Descriptor(ends[1]))};
}

bool Channel::send(Word word, int descriptor) noexcept {
  auto octet = static_cast<uint8_t>(word);
  iovec part{.iov_base = &octet, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control{};
  if (descriptor >= 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  ssize_t sent;
  do sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == 1;
}

Channel::Received Channel::receive(Message& message) noexcept {
  uint8_t octet = 0;
  iovec part{.iov_base = &octet, .iov_len = 1};
  msghdr raw{};
  raw.msg_iov = &part;
  raw.msg_iovlen = 1;
  ControlBuffer control{};
  raw.msg_control = control.bytes.data();
  raw.msg_controllen = control.bytes.size();
  ssize_t count;
  do count = ::recvmsg(socket_.get(), &raw, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN ? Received::kNothing : Received::kEnd;
  message.descriptor = listen::Descriptor();
  const cmsghdr* header = CMSG_FIRSTHDR(&raw);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    message.descriptor = listen::Descriptor(descriptor);
  }
  if (count == 0) return Received::kEnd;
  message.word = static_cast<Word>(octet);
  return Received::kWord;
}

}  // namespace postern::process
