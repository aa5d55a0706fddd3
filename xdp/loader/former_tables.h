// SPDX-License-Identifier: BSD-3-Clause
//
// FormerTables: the tables that a dead process left pinned, as its program goes on using them:
// dynamic entries, and what limits remember. Only those whose map and header say that they are what
// this version makes; nobody writes to them from user space, as the pin directory is locked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/dynamic.h"
#include "dataplane/core/limit.h"
#include "xdp/loader/file_descriptor.h"
#include "xdp/loader/mapped.h"
#include "xdp/loader/pin_directory.h"

namespace postern::xdp {

template <typename Bucket>
class FormerTable {
 public:
  // buckets: of the map, with the header. Throws std::runtime_error where it cannot be mapped.
  FormerTable(FileDescriptor map, uint32_t buckets)
      : map_(std::move(map)),
        memory_(std::make_unique<Mapped>(map_.get(), buckets, sizeof(Bucket))) {}

  int fd() const noexcept { return map_.get(); }
  std::span<const Bucket> buckets() const noexcept {
    const auto bytes = memory_->bytes();
    return {reinterpret_cast<const Bucket*>(bytes.data()), bytes.size() / sizeof(Bucket)};
  }

 private:
  FileDescriptor map_;
  std::unique_ptr<Mapped> memory_;
};

struct FormerTables {
  std::optional<FormerTable<ps_dynamic_bucket>> dynamic;
  std::optional<FormerTable<ps_limit_bucket>> limits;
  // What is pinned under the name of a table and is none, or not one that this version knows.
  struct Refused {
    std::string table, why;
  };
  std::vector<Refused> refused;

  static FormerTables of(const PinDirectory& pins);
};

}  // namespace postern::xdp
