// SPDX-License-Identifier: BSD-3-Clause
//
// Telling a table from whatever else may be pinned (xdp/loader/former_tables.h).
#include "xdp/loader/former_tables.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "dataplane/engine/dynamic_table.h"
#include "dataplane/engine/limit_table.h"
#include "xdp/loader/kernel_error.h"

namespace postern::xdp {
namespace {

template <typename Bucket>
FormerTable<Bucket> open_table(FileDescriptor map, bool (*is_table)(std::span<const Bucket>)) {
  if (!map) throw kernel_error("it cannot be opened", errno);
  // What is no map answers with facts of another kind; should they look right, it cannot be mapped.
  bpf_map_info info{};
  uint32_t bytes = sizeof info;
  if (bpf_obj_get_info_by_fd(map.get(), &info, &bytes) != 0 || info.type != BPF_MAP_TYPE_ARRAY ||
      info.key_size != sizeof(uint32_t) || info.value_size != sizeof(Bucket) ||
      info.map_flags != BPF_F_MMAPABLE)
    throw std::runtime_error("it is not a map of its kind");
  FormerTable<Bucket> table(std::move(map), info.max_entries);
  if (!is_table(table.buckets()))
    throw std::runtime_error("it is damaged, or of another version's layout");
  return table;
}

}  // namespace

FormerTables FormerTables::of(const PinDirectory& pins) {
  FormerTables tables;
  const auto names = pins.names();
  const auto find = [&](const char* name, auto& table, auto is_table) {
    if (std::ranges::find(names, name) == names.end()) return;
    try {
      table.emplace(open_table(pins.open(name), +is_table));
    } catch (const std::runtime_error& error) {
      tables.refused.push_back({name, error.what()});
    }
  };
  find("dynamic", tables.dynamic,
       [](std::span<const ps_dynamic_bucket> memory) { return DynamicTable::is_table(memory); });
  find("limits", tables.limits,
       [](std::span<const ps_limit_bucket> memory) { return is_limit_table(memory); });
  return tables;
}

}  // namespace postern::xdp
