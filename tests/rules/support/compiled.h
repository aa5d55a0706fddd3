// SPDX-License-Identifier: BSD-3-Clause
//
// A policy and its lists, written to a directory of their own and compiled for real, as most tests
// of rules need it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "rules/snapshot/snapshot.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::test {

inline IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline Prefix prefix(std::string_view text) {
  return Prefix::parse(text, Prefix::HostBits::kRefuse).value();
}

// Writes lists, then reads and compiles policies beside them.
class Workshop {
 public:
  const TemporaryDirectory& directory() const { return directory_; }
  void list(std::string_view name, std::string_view text) { directory_.write(name, text); }
  CompileResult compile(std::string_view policy, const CompileOptions& options = {}) const {
    return postern::compile(read_policy(directory_.write("site.policy", policy)), options);
  }
  std::shared_ptr<const Snapshot> snapshot(std::string_view policy,
                                           const CompileOptions& options = {}) const {
    return Snapshot::from_bytes(compile(policy, options).bytes, "test");
  }

 private:
  TemporaryDirectory directory_;
};

// The message of the BadInput that the action throws; "" when it throws none.
template <typename Action>
std::string complaint_of(Action action) {
  try {
    action();
  } catch (const BadInput& bad) {
    return bad.what();
  }
  return "";
}

}  // namespace postern::test
