// SPDX-License-Identifier: BSD-3-Clause
//
// corpus_capture FILE MUTANTS: the frames of the corpus that arrive from outside, and so many
// mutants of them, as a capture (pcap), for floods of what is malformed in every way.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/packets/corpus.h"

namespace {

using namespace postern;
using namespace postern::packets;

constexpr size_t kShortest = 14, kLongest = 1514;  // what a device takes

class Capture {
 public:
  explicit Capture(const char* path) : file_(path, std::ios::binary) {
    for (const uint32_t word : {0xa1b2c3d4u, 4u << 16 | 2u, 0u, 0u, 65535u, 1u}) put(word);
  }
  void add(ps_port port, const Bytes& frame) {
    if (port != PS_PORT_WAN || frame.size() < kShortest || frame.size() > kLongest) return;
    const auto size = static_cast<uint32_t>(frame.size());
    for (const uint32_t word : {0u, 0u, size, size}) put(word);
    file_.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(size));
  }
  bool written() { return static_cast<bool>(file_.flush()); }

 private:
  void put(uint32_t word) { file_.write(reinterpret_cast<const char*>(&word), sizeof word); }
  std::ofstream file_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: corpus_capture FILE MUTANTS\n");
    return 2;
  }
  Capture capture(words[1]);
  for (const auto& c : corpus()) capture.add(c.port, c.frame);
  Mutations mutations(31'415'926);
  for (int i = std::atoi(words[2]); i > 0; i--) {
    const auto mutant = mutations.next();
    capture.add(mutant.port, mutant.frame);
  }
  if (capture.written()) return 0;
  std::fprintf(stderr, "%s: cannot be written\n", words[1]);
  return 1;
}
