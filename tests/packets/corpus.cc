// SPDX-License-Identifier: BSD-3-Clause
//
// The corpus as a whole, and mutants of it (tests/packets/corpus.h).
#include "tests/packets/corpus.h"

#include <algorithm>
#include <iterator>

#include "tests/packets/corpus_writer.h"
#include "tests/packets/naive_segment.h"

namespace postern::packets {

const std::vector<Case>& corpus() {
  static const std::vector<Case> cases = [] {
    Corpus c;
    for (const auto& groups : {shape_groups(), rule_groups()})
      for (const auto group : groups) group(c);
    return c.take();
  }();
  return cases;
}

// SplitMix64: the same on every machine, unlike the distributions of the standard library.
uint64_t Mutations::random(uint64_t below) {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) % below;
}

Mutations::Mutant Mutations::next() {
  static constexpr uint16_t kWords[] = {0,      1,      2,      0x0800, 0x86dd, 0x8100,
                                        0x88a8, 0x8847, 0x2000, 0x4000, 0x1fff, 0xffff,
                                        25,     587,    40,     20,     60,     0x4500};
  static constexpr uint8_t kBytes[] = {0,    1,    6,    17,   43,   44,   51,   59,  60,
                                       0x45, 0x4f, 0x50, 0x60, 0x7f, 0x80, 0xf0, 0xff};
  const auto& origin = corpus()[random(corpus().size())];
  Mutant mutant{origin.frame, origin.port, &origin};
  auto& frame = mutant.frame;
  for (auto changes = random(5); changes > 0; changes--) {
    // Most of what matters lies in the first hundred bytes.
    const auto at = frame.empty() ? 0 : random(std::min<uint64_t>(frame.size(), 100));
    switch (frame.empty() ? 5 : random(7)) {
      case 0:
        frame[at] = static_cast<uint8_t>(frame[at] ^ (1u << random(8)));
        break;
      case 1:
        frame[at] = kBytes[random(std::size(kBytes))];
        break;
      case 2:
        frame[at] = static_cast<uint8_t>(random(256));
        break;
      case 3: {
        const auto value = kWords[random(std::size(kWords))];
        frame[at] = static_cast<uint8_t>(value >> 8);
        if (at + 1 < frame.size()) frame[at + 1] = static_cast<uint8_t>(value);
        break;
      }
      case 4:
        frame.resize(random(frame.size() + 1));
        break;
      case 5:
        frame.resize(frame.size() + random(80), static_cast<uint8_t>(random(256)));
        break;
      default: {  // a piece of another frame
        const auto& other = corpus()[random(corpus().size())].frame;
        const auto length = std::min<uint64_t>(
            {random(24), frame.size() - at, other.size() > at ? other.size() - at : 0});
        std::copy_n(other.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(at, other.size())),
                    length, frame.begin() + static_cast<ptrdiff_t>(at));
      }
    }
  }
  // A reply to anything else is an error of another kind, and would be the only one seen.
  if (random(4) != 0) frame = with_checksums(std::move(frame));
  return mutant;
}

}  // namespace postern::packets
