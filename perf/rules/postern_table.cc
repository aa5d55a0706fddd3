// SPDX-License-Identifier: BSD-3-Clause
//
// Postern's tables as contenders (perf/rules/postern_table.h).
#include "perf/rules/postern_table.h"

#include <rte_malloc.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <vector>

#include "rules/compile/digit_table.h"
#include "rules/compile/key_table.h"

namespace postern::perf {

namespace {

// What the compiler does with a family of sources: the root, and the header that leads to it.
std::vector<std::byte> build_root(const Workload<KeyV4>& workload, ps_snapshot_header&,
                                  NodePool& pool) {
  const auto root = build_digit_table(workload.segments, pool);
  const auto bytes = std::as_bytes(std::span(root));
  return {bytes.begin(), bytes.end()};
}
std::vector<std::byte> build_root(const Workload<KeyV6>& workload, ps_snapshot_header& header,
                                  NodePool& pool) {
  const auto table = build_rooted_table(workload.segments, header.source_v6_bits, pool);
  header.source_v6 = table.slot;
  const auto bytes = std::as_bytes(std::span(table.root));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

template <typename Key>
void PosternTable::build(const Workload<Key>& workload) {
  const auto start = std::chrono::steady_clock::now();
  constexpr uint32_t kRoot = sizeof(ps_snapshot_header) / PS_BLOCK_BYTES;
  ps_snapshot_header header{};
  header.source_v4_root = header.source_v6_root = kRoot;
  uint32_t root_blocks = PS_ROOT_BLOCKS;
  if constexpr (sizeof(Key) == 16) {
    header.source_v6_bits = root_bits_for(workload.segments.size());
    root_blocks =
        static_cast<uint32_t>((sizeof(uint32_t) << header.source_v6_bits) / PS_BLOCK_BYTES);
  }
  NodePool pool(kRoot + root_blocks);
  const auto root = build_root(workload, header, pool);
  build_ms_ =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const auto blocks = kRoot + root_blocks + pool.blocks().size() + 1;  // the last one: zeros
  bytes_ = blocks * PS_BLOCK_BYTES;
  auto* memory = static_cast<ps_block*>(rte_zmalloc("postern", bytes_, PS_BLOCK_BYTES));
  if (!memory) throw std::bad_alloc();
  std::memcpy(memory, &header, sizeof header);
  std::memcpy(memory + kRoot, root.data(), root.size());
  std::memcpy(memory + kRoot + root_blocks, pool.blocks().data(),
              pool.blocks().size() * PS_BLOCK_BYTES);
  image_ = {memory, static_cast<uint32_t>(blocks)};
}

PosternTable::PosternTable(const Workload<KeyV4>& workload) {
  build(workload);
}
PosternTable::PosternTable(const Workload<KeyV6>& workload) {
  build(workload);
}
PosternTable::~PosternTable() {
  rte_free(const_cast<ps_block*>(image_.blocks));
}

template <typename Query>
Contender<Query> PosternTable::contender(const char* name) const {
  Contender<Query> made;
  made.name = name;
  made.ours = true;
  made.build_ms = build_ms_;
  made.table_bytes = bytes_;
  made.entry = "64-byte lines";
  return made;
}

void PosternTable::add_to(std::vector<Contender<QueryV4>>& contenders) const {
  auto burst = contender<QueryV4>("postern, burst");
  set_look_up<uint32_t, QueryV4>(
      burst, [image = image_](const QueryV4* queries, size_t n, uint32_t* found) {
        classes_of(image, queries, static_cast<uint32_t>(n), found);
      });
  contenders.push_back(std::move(burst));
  auto single = contender<QueryV4>("postern, one by one");
  set_look_up<uint32_t, QueryV4>(
      single, [image = image_](const QueryV4* queries, size_t n, uint32_t* found) mutable {
        for (size_t i = 0; i < n; i++) {
          ps_address address{};
          const auto bytes = ps_be32_of(queries[i]);
          std::memcpy(address.bytes, &bytes, sizeof bytes);
          found[i] = ps_class_of(&image, PS_FAMILY_V4, &address);
        }
      });
  contenders.push_back(std::move(single));
}

void PosternTable::add_to(std::vector<Contender<QueryV6>>& contenders) const {
  auto burst = contender<QueryV6>("postern, burst");
  set_look_up<uint32_t, QueryV6>(
      burst, [image = image_](const QueryV6* queries, size_t n, uint32_t* found) {
        classes_of(image, queries, static_cast<uint32_t>(n), found);
      });
  contenders.push_back(std::move(burst));
  auto single = contender<QueryV6>("postern, one by one");
  set_look_up<uint32_t, QueryV6>(
      single, [image = image_](const QueryV6* queries, size_t n, uint32_t* found) mutable {
        for (size_t i = 0; i < n; i++) found[i] = ps_class_of(&image, PS_FAMILY_V6, &queries[i]);
      });
  contenders.push_back(std::move(single));
}

}  // namespace postern::perf
