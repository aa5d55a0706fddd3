// SPDX-License-Identifier: BSD-3-Clause
//
// Sockets of both families and Unix ones: who may be there already, and what becomes of files.
#include "control/listen/listening_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "tests/rules/support/temporary_directory.h"

namespace postern::listen {
namespace {

TEST(ListeningSocket, ReplacesTheFileOfTheDeadAndNothingElse) {
  const test::TemporaryDirectory directory;
  const Place place{.path = directory.path("x.sock"), .address = {}};
  struct stat made;
  {
    const auto first = ListeningSocket::unix_file(place, ::getgid());
    const SocketFile file(place.path);
    ASSERT_EQ(::stat(place.path.c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777, 0660u);
    EXPECT_THROW(ListeningSocket::unix_file(place), std::runtime_error);  // somebody listens
    EXPECT_EQ(::stat(place.path.c_str(), &made), 0);
  }
  EXPECT_NE(::stat(place.path.c_str(), &made), 0);
  { const auto dead = ListeningSocket::unix_file(place); }
  EXPECT_EQ(::stat(place.path.c_str(), &made), 0) << "its file outlives it";
  const auto second = ListeningSocket::unix_file(place);
  {
    SocketFile file(place.path);
    ::unlink(place.path.c_str());
    directory.write("x.sock", "a file");
  }
  EXPECT_EQ(::stat(place.path.c_str(), &made), 0) << "what has taken its place stays";
  EXPECT_THROW(ListeningSocket::unix_file(place), std::runtime_error);
  EXPECT_EQ(::stat(place.path.c_str(), &made), 0);
}

TEST(ListeningSocket, TcpOfBothFamilies) {
  for (const char* text : {"127.0.0.1", "::1"}) {
    const auto socket =
        ListeningSocket::tcp({.path = {}, .address = *IpAddress::parse(text), .port = 0});
    EXPECT_NE(socket.place().port, 0);
    EXPECT_FALSE(socket.is_shared());
    EXPECT_THROW(ListeningSocket::tcp(socket.place()), std::runtime_error);
    EXPECT_THROW(ListeningSocket::tcp(socket.place(), Sharing::kShared), std::runtime_error);
    EXPECT_THROW(require_nobody_listens(socket.place()), std::runtime_error);
  }
}

TEST(ListeningSocket, APortIsSharedByThoseWhoShare) {
  const auto first = ListeningSocket::tcp(
      {.path = {}, .address = IpAddress::v4(0x7f000001), .port = 0}, Sharing::kShared);
  const auto second = ListeningSocket::tcp(first.place(), Sharing::kShared);
  EXPECT_EQ(first.place(), second.place());
  EXPECT_TRUE(second.is_shared());
  EXPECT_THROW(ListeningSocket::tcp(first.place()), std::runtime_error);
}

TEST(ListeningSocket, AdoptsWhatListensAndNothingElse) {
  auto made = ListeningSocket::tcp({.path = {}, .address = *IpAddress::parse("::1"), .port = 0});
  const Place place = made.place();
  const auto adopted = ListeningSocket::adopt(Descriptor(made.release()));
  EXPECT_EQ(adopted.place(), place);
  EXPECT_EQ(adopted.place().to_string(), "[::1]:" + std::to_string(place.port));
  EXPECT_THROW(ListeningSocket::adopt(Descriptor(::socket(AF_INET, SOCK_STREAM, 0))),
               std::runtime_error);
  EXPECT_THROW(ListeningSocket::adopt(Descriptor(::dup(STDIN_FILENO))), std::runtime_error);
}

}  // namespace
}  // namespace postern::listen
