// SPDX-License-Identifier: BSD-3-Clause
//
// Words between parent and worker, with and without a descriptor, and how the other's end is seen.
#include "control/process/channel.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace postern::process {
namespace {

TEST(Channel, WordsStayApartAndInOrder) {
  auto [parent, worker] = Channel::make();
  Message message{};
  EXPECT_EQ(worker.receive(message), Channel::Received::kNothing);
  EXPECT_TRUE(parent.send(Word::kBegin));
  EXPECT_TRUE(parent.send(Word::kReload));
  ASSERT_EQ(worker.receive(message), Channel::Received::kWord);
  EXPECT_EQ(message.word, Word::kBegin);
  EXPECT_FALSE(static_cast<bool>(message.descriptor));
  ASSERT_EQ(worker.receive(message), Channel::Received::kWord);
  EXPECT_EQ(message.word, Word::kReload);
  EXPECT_EQ(worker.receive(message), Channel::Received::kNothing);
}

TEST(Channel, ADescriptorGoesWithAWord) {
  auto [parent, worker] = Channel::make();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const listen::Descriptor reads(pipe[0]);
  {
    const listen::Descriptor writes(pipe[1]);
    EXPECT_TRUE(parent.send(Word::kFiles, writes.get()));
  }
  Message message{};
  ASSERT_EQ(worker.receive(message), Channel::Received::kWord);
  ASSERT_TRUE(static_cast<bool>(message.descriptor));
  EXPECT_EQ(::write(message.descriptor.get(), "x", 1), 1);
  char octet = 0;
  EXPECT_EQ(::read(reads.get(), &octet, 1), 1);
  EXPECT_EQ(octet, 'x');
}

TEST(Channel, TheEndIsSeenAfterTheLastWord) {
  auto [parent, worker] = Channel::make();
  EXPECT_TRUE(worker.send(Word::kHandedOver));
  worker = Channel();
  Message message{};
  ASSERT_EQ(parent.receive(message), Channel::Received::kWord);
  EXPECT_EQ(message.word, Word::kHandedOver);
  EXPECT_EQ(parent.receive(message), Channel::Received::kEnd);
  EXPECT_FALSE(parent.send(Word::kBegin));
}

}  // namespace
}  // namespace postern::process
