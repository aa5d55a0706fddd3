// SPDX-License-Identifier: BSD-3-Clause
//
// The sockets of several workers: whose is which, and what the next version of the program makes of
// those that it is left, with as many workers, more and fewer.
#include "control/process/doors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/rules/support/temporary_directory.h"

namespace postern::process {
namespace {

using listen::ListeningSocket;
using listen::Place;

const Place kAnyPort{.path = {}, .address = IpAddress::v4(0x7f000001), .port = 0};

listen::Steering among(size_t workers) {
  return {workers, 1, listen::Steering::By::kSource};
}

// As they come out of execve: other descriptors of the same sockets.
std::vector<ListeningSocket> left_by(const Doors& doors) {
  std::vector<ListeningSocket> sockets;
  for (const int descriptor : doors.descriptors())
    sockets.push_back(ListeningSocket::adopt(listen::Descriptor(::dup(descriptor))));
  return sockets;
}

TEST(Doors, EachWorkerHasASocketOfASharedDoorAndTheFirstAllOthers) {
  const test::TemporaryDirectory directory;
  const Place file{.path = directory.path("x.sock"), .address = {}};
  const std::vector<WantedDoor> wanted = {
      {.purpose = "mail", .place = kAnyPort},
      {.purpose = "other", .place = kAnyPort, .for_all_workers = false},
      {.purpose = "other", .place = file, .for_all_workers = false}};
  Doors doors(wanted, among(3), {});
  EXPECT_EQ(doors.descriptors().size(), 5u);
  EXPECT_TRUE(doors.places("other").ends_with(",unix:" + file.path)) << doors.places("other");
  std::vector<std::vector<std::string>> given(3);
  for (size_t worker = 0; worker < 3; worker++) {
    Doors its(wanted, among(3), left_by(doors));
    for (const auto& socket : its.take(worker)) given[worker].push_back(socket.purpose);
    EXPECT_TRUE(its.descriptors().empty()) << "the others' are closed";
  }
  EXPECT_EQ(given[0], (std::vector<std::string>{"mail", "other", "other"}));
  EXPECT_EQ(given[1], std::vector<std::string>{"mail"});
  EXPECT_EQ(given[2], std::vector<std::string>{"mail"});
  struct stat there;
  EXPECT_EQ(::stat(file.path.c_str(), &there), 0) << "a worker does not take the file away";
  { const Doors parent = std::move(doors); }
  EXPECT_NE(::stat(file.path.c_str(), &there), 0) << "the parent does";
}

TEST(Doors, WhatIsInheritedIsUsedAgain) {
  for (const size_t workers : {1, 2, 3}) {
    const Doors before({{.purpose = "mail", .place = kAnyPort}}, among(2), {});
    const Place place = left_by(before).front().place();
    const Doors after({{.purpose = "mail", .place = place}}, among(workers), left_by(before));
    EXPECT_EQ(after.places("mail"), before.places("mail"));
    EXPECT_EQ(after.descriptors().size(), std::max<size_t>(workers, 2));
    Doors last({{.purpose = "mail", .place = place}}, among(1), left_by(after));
    EXPECT_EQ(last.take(0).size(), std::max<size_t>(workers, 2)) << "none is given up";
  }
}

TEST(Doors, SomebodyElsesPortIsRefused) {
  const Doors ours({{.purpose = "mail", .place = kAnyPort}}, among(2), {});
  const Place place = left_by(ours).front().place();
  // The kernel alone would let it share the port.
  EXPECT_THROW(Doors({{.purpose = "mail", .place = place}}, among(2), {}), std::runtime_error);
}

TEST(Doors, ASocketThatIsNotSharedServesOneWorker) {
  auto socket = ListeningSocket::tcp(kAnyPort);
  const Place place = socket.place();
  std::vector<ListeningSocket> given;
  given.push_back(ListeningSocket::adopt(listen::Descriptor(::dup(socket.fd()))));
  EXPECT_THROW(Doors({{.purpose = "mail", .place = place}}, among(2), std::move(given)),
               std::runtime_error);
  given.clear();
  given.push_back(std::move(socket));
  Doors doors({{.purpose = "mail", .place = place}}, among(1), std::move(given));
  EXPECT_EQ(doors.take(0).size(), 1u);
}

}  // namespace
}  // namespace postern::process
