// SPDX-License-Identifier: BSD-3-Clause
//
// DatabaseCache: a folder of compiled pattern databases, each in a file that is named by what it
// was compiled from. A file is used only when it is whole: its length, what it was made from and a
// SHA-256 of all of it must be right, and nobody but its owner, who is root or this user, may be
// able to write it. Anything else is as if it were not there. What a folder holds is only saved
// time: it may be emptied whenever one likes, and a folder that cannot be written is no error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace postern::names {

using Digest = std::array<uint8_t, 32>;
Digest sha256(std::string_view bytes);  // throws std::bad_alloc

class DatabaseCache {
 public:
  static constexpr size_t kMaxBytes = size_t{256} << 20;  // of one database

  // folder: made, for its owner alone, when something is first stored.
  explicit DatabaseCache(std::string folder) : folder_(std::move(folder)) {}

  // What was stored under the key; nullopt: nothing, or what is there is not to be trusted. Then
  // why() says what was wrong, and is empty where there is no file.
  std::optional<std::string> load(const Digest& key);
  // Replaces the file at once, so that no reader sees half of it. False: it cannot be written, and
  // why() says so.
  bool store(const Digest& key, std::string_view bytes);
  const std::string& why() const noexcept { return why_; }

  std::string path_of(const Digest& key) const;

 private:
  std::string folder_;
  std::string why_;
};

}  // namespace postern::names
