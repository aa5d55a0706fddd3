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
  NodePool pool(PS_ROOT_BLOCKS);
  const auto root = build_trie(std::span<const Segment<Key>>(workload.segments), pool);
  build_ms_ =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  const auto blocks = PS_ROOT_BLOCKS + pool.blocks().size();
  bytes_ = blocks * PS_BLOCK_BYTES;
  auto* memory = static_cast<ps_block*>(rte_malloc("postern", bytes_, PS_BLOCK_BYTES));
  if (!memory) throw std::bad_alloc();
  std::memcpy(memory, root.data(), root.size() * sizeof root[0]);
  std::memcpy(memory + PS_ROOT_BLOCKS, pool.blocks().data(), pool.blocks().size() * PS_BLOCK_BYTES);
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

void PosternTable::add_to(std::vector<Contender<QueryV4>>& contenders) const {
  Contender<QueryV4> contender;
  contender.name = "postern, one by one";
  contender.ours = true;
  contender.build_ms = build_ms_;
  contender.table_bytes = bytes_;
  contender.entry = "64-byte nodes";
  set_look_up<uint32_t, QueryV4>(
      contender, [image = image_](const QueryV4* queries, size_t n, uint32_t* found) mutable {
        for (size_t i = 0; i < n; i++) {
          ps_address address{};
          const auto bytes = ps_be32_of(queries[i]);
          std::memcpy(address.bytes, &bytes, sizeof bytes);
          found[i] = ps_trie_lookup(&image, 0, &address, 4);
        }
      });
  contenders.push_back(std::move(contender));
}

void PosternTable::add_to(std::vector<Contender<QueryV6>>& contenders) const {
  Contender<QueryV6> contender;
  contender.name = "postern, one by one";
  contender.ours = true;
  contender.build_ms = build_ms_;
  contender.table_bytes = bytes_;
  contender.entry = "64-byte nodes";
  set_look_up<uint32_t, QueryV6>(
      contender, [image = image_](const QueryV6* queries, size_t n, uint32_t* found) mutable {
        for (size_t i = 0; i < n; i++) found[i] = ps_trie_lookup(&image, 0, &queries[i], 16);
      });
  contenders.push_back(std::move(contender));
}

}  // namespace postern::perf
