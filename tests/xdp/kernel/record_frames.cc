// SPDX-License-Identifier: BSD-3-Clause
//
// record_frames FILE: writes the corpus and some thousands of mutants, the rules that they are
// judged by, and what the naive oracle says of each, for replay_frames on another kernel.
#include <linux/bpf.h>

#include <cstdio>
#include <fstream>
#include <vector>

#include "dataplane/engine/limit_table.h"
#include "tests/packets/corpus.h"
#include "tests/xdp/kernel/recorded_frames.h"

namespace {

using namespace postern;
using namespace postern::packets;

constexpr size_t kShortestFrame = 14;  // what the kernel takes
constexpr int kMutants = 5000;

class Recording {
 public:
  void add(ps_port port, const Bytes& frame, uint64_t now_ns) {
    if (frame.size() < kShortestFrame) return;
    const auto judged = oracle_.judge(port, frame, now_ns);
    RecordedFrame record;
    record.now_ns = now_ns;
    record.port = port;
    record.result = judged.reply ? XDP_TX : describe(judged.reason).stops ? XDP_DROP : XDP_PASS;
    record.reason = static_cast<uint32_t>(judged.reason);
    record.events = judged.events;
    const Bytes& after = judged.reply ? *judged.reply : frame;
    record.bytes_in = static_cast<uint32_t>(frame.size());
    record.bytes_out = static_cast<uint32_t>(after.size());
    put(&record, sizeof record);
    put(frame.data(), frame.size());
    put(after.data(), after.size());
    count_++;
  }
  uint32_t count() const { return count_; }
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  void put(const void* data, size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }

  NaiveJudge oracle_{corpus_world()};
  std::vector<char> bytes_;
  uint32_t count_ = 0;
};

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: record_frames FILE\n");
    return 2;
  }
  const auto& world = corpus_world();
  Recording recording;
  for (const auto& c : corpus())
    if (c.with_rules)
      for (int i = 0; i <= c.before; i++) recording.add(c.port, c.frame, c.now_ns);
  Mutations mutations(61);
  for (int i = 0; i < kMutants; i++) {
    const auto mutant = mutations.next();
    recording.add(mutant.port, mutant.frame, kNow);
  }

  const WorldImage image(world);
  const WorldEntries entries(world);
  std::vector<ps_limit_bucket> limits(limit_buckets_for(8192));
  start_limits(limits);
  RecordedHeader header;
  header.image_chunks = static_cast<uint32_t>(image.blocks().size() / PS_CHUNK_BLOCKS);
  header.dynamic_buckets = entries.table().count;
  header.limit_buckets = static_cast<uint32_t>(limits.size());
  header.frames = recording.count();
  header.cookies = world.cookies;

  std::ofstream file(words[1], std::ios::binary);
  const auto put = [&file](const void* data, size_t size) {
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  };
  put(&header, sizeof header);
  put(image.blocks().data(), image.blocks().size() * sizeof(ps_block));
  put(entries.table().buckets, entries.table().count * sizeof(ps_dynamic_bucket));
  put(limits.data(), limits.size() * sizeof(ps_limit_bucket));
  put(recording.bytes().data(), recording.bytes().size());
  if (!file.flush()) {
    std::fprintf(stderr, "%s: cannot be written\n", words[1]);
    return 1;
  }
  return 0;
}
