// SPDX-License-Identifier: BSD-3-Clause
//
// Postern's tables as contenders (perf/rules/postern_table.h).
#include "perf/rules/postern_table.h"

#include <rte_malloc.h>

#include <chrono>
#include <cstring>
#include <new>

#include "rules/compile/trie.h"

namespace postern::perf {

template <typename Key>
void PosternTable::build(const Workload<Key>& workload) {
  const auto start = std::chrono::steady_clock::now();
  constexpr uint32_t kRoot = sizeof(ps_snapshot_header) / PS_BLOCK_BYTES;
  NodePool pool(kRoot + PS_ROOT_BLOCKS);
  const auto root = build_root(std::span<const Segment<Key>>(workload.segments), pool);
  build_ms_ =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const auto blocks = kRoot + PS_ROOT_BLOCKS + pool.blocks().size() + 1;  // the last one: zeros
  bytes_ = blocks * PS_BLOCK_BYTES;
  auto* memory = static_cast<ps_block*>(rte_zmalloc("postern", bytes_, PS_BLOCK_BYTES));
  if (!memory) throw std::bad_alloc();
  ps_snapshot_header header{};
  header.source_v4_root = header.source_v6_root = kRoot;
  std::memcpy(memory, &header, sizeof header);
  std::memcpy(memory + kRoot, root.data(), root.size() * sizeof root[0]);
  std::memcpy(memory + kRoot + PS_ROOT_BLOCKS, pool.blocks().data(),
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
