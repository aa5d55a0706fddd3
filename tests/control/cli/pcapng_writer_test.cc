// SPDX-License-Identifier: BSD-3-Clause
//
// The capture file, block by block, against the layout of draft-ietf-opsawg-pcapng; tshark and
// libpcap read whole ones in samples_test.py.
#include "control/cli/pcapng_writer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace postern::cli {
namespace {

// Takes little-endian integers and text from the front.
class Reader {
 public:
  explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t integer(size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value |= uint64_t(uint8_t(bytes_.at(at_ + i))) << (8 * i);
    at_ += size;
    return value;
  }
  std::string text(size_t size) {
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

TEST(PcapngWriter, WritesTheBlocksOfTheDraft) {
  std::ostringstream out;
  PcapngWriter writer(out, "test");
  EXPECT_EQ(writer.add_interface("sock wan", 128), 0u);
  EXPECT_EQ(writer.add_interface("mx", 0), 1u);
  const std::vector<uint8_t> bytes = {1, 2, 3, 4, 5};
  writer.add_packet(1, 0x0123456789abcdef, bytes, 1500, "why");
  writer.add_packet(0, 7, {}, 0, "");

  Reader file(out.str());
  EXPECT_EQ(file.integer(4), 0x0a0d0d0au);
  EXPECT_EQ(file.integer(4), 40u);
  EXPECT_EQ(file.integer(4), 0x1a2b3c4du);
  EXPECT_EQ(file.integer(2), 1u);
  EXPECT_EQ(file.integer(2), 0u);
  EXPECT_EQ(file.integer(8), UINT64_MAX);
  EXPECT_EQ(file.integer(2), 4u);
  EXPECT_EQ(file.integer(2), 4u);
  EXPECT_EQ(file.text(4), "test");
  EXPECT_EQ(file.integer(4), 0u);
  EXPECT_EQ(file.integer(4), 40u);
  for (const auto& [name, snap] : {std::pair{std::string("sock wan"), 128u}, {"mx", 0u}}) {
    EXPECT_EQ(file.integer(4), 1u);
    const size_t padded = (name.size() + 3) / 4 * 4;
    EXPECT_EQ(file.integer(4), 12 + 8 + 4 + padded + 8 + 4);
    EXPECT_EQ(file.integer(2), 1u);
    EXPECT_EQ(file.integer(2), 0u);
    EXPECT_EQ(file.integer(4), snap);
    EXPECT_EQ(file.integer(2), 2u);
    EXPECT_EQ(file.integer(2), name.size());
    EXPECT_EQ(file.text(padded), name + std::string(padded - name.size(), '\0'));
    EXPECT_EQ(file.integer(2), 9u);
    EXPECT_EQ(file.integer(2), 1u);
    EXPECT_EQ(file.integer(4), 9u);
    EXPECT_EQ(file.integer(4), 0u);
    EXPECT_EQ(file.integer(4), 12 + 8 + 4 + padded + 8 + 4);
  }
  EXPECT_EQ(file.integer(4), 6u);
  EXPECT_EQ(file.integer(4), 12 + 20 + 8 + 8 + 4u);
  EXPECT_EQ(file.integer(4), 1u);
  EXPECT_EQ(file.integer(4), 0x01234567u);
  EXPECT_EQ(file.integer(4), 0x89abcdefu);
  EXPECT_EQ(file.integer(4), 5u);
  EXPECT_EQ(file.integer(4), 1500u);
  EXPECT_EQ(file.text(8), std::string("\1\2\3\4\5\0\0\0", 8));
  EXPECT_EQ(file.integer(2), 1u);
  EXPECT_EQ(file.integer(2), 3u);
  EXPECT_EQ(file.text(4), std::string("why\0", 4));
  EXPECT_EQ(file.integer(4), 0u);
  EXPECT_EQ(file.integer(4), 12 + 20 + 8 + 8 + 4u);
  // A packet without bytes or comment has no options.
  EXPECT_EQ(file.integer(4), 6u);
  EXPECT_EQ(file.integer(4), 32u);
  EXPECT_EQ(file.integer(4), 0u);
  EXPECT_EQ(file.integer(8), uint64_t{7} << 32);
  EXPECT_EQ(file.integer(8), 0u);
  EXPECT_EQ(file.integer(4), 32u);
  EXPECT_TRUE(file.at_end());
}

TEST(PcapngWriter, ACommentHasItsLimit) {
  std::ostringstream out;
  PcapngWriter writer(out, "t");
  writer.add_interface("i", 0);
  const auto before = out.str().size();
  writer.add_packet(0, 1, {}, 0, std::string(100'000, 'x'));
  Reader block(out.str().substr(before));
  block.text(28);
  EXPECT_EQ(block.integer(2), 1u);
  EXPECT_EQ(block.integer(2), 65'535u);
  block.text(65'536);
  EXPECT_EQ(block.integer(4), 0u);
  block.integer(4);
  EXPECT_TRUE(block.at_end());
}

}  // namespace
}  // namespace postern::cli
