// SPDX-License-Identifier: BSD-3-Clause
//
// PolicyText: the files of a policy as one row of statements. `include "FILE"` puts the lines of
// another file where it stands; a file stands in a policy once. Where files come from is for a
// SourceReader to say: the file system, or a snapshot that has kept them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"
#include "rules/text/diagnostic.h"

namespace postern {

inline constexpr size_t kMaxPolicyBytes = 4 << 20;  // of all files together

// The text of a file by its resolved name. Throws BadInput.
using SourceReader = std::function<std::string(const std::string& file)>;

class PolicyText {
 public:
  // Faults of includes go to `errors`, one per line at most. Throws BadInput beyond
  // kMaxPolicyBytes.
  PolicyText(PolicySource main, const SourceReader& reader, std::vector<Diagnostic>& errors);

  // In order, without the includes; where a file begins or ends, a statement that is empty.
  std::vector<Statement>& statements() noexcept { return statements_; }
  std::vector<PolicySource> take_sources();
  std::string_view line_at(const PolicyPlace& place) const;
  const std::string& file_at(const PolicyPlace& place) const;

 private:
  void add(PolicySource source);
  void include(Statement& statement);

  const SourceReader& reader_;
  std::vector<Diagnostic>& errors_;
  // Kept at their places: statements view them.
  std::vector<std::unique_ptr<PolicySource>> sources_;
  std::vector<std::vector<std::string_view>> lines_;  // [source][line - 1]
  std::vector<PolicyPlace> included_at_;              // per source
  std::vector<Statement> statements_;
  size_t bytes_ = 0;
};

}  // namespace postern
