// SPDX-License-Identifier: BSD-3-Clause
//
// Files -> statements (rules/policy/sources.h).
#include "rules/policy/sources.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

// As the file that holds the include would name it; the same file by two names is two files, and
// refused where its names are declared twice.
std::string resolved(const std::string& holder, const std::string& file) {
  const std::filesystem::path path(file);
  if (path.is_absolute()) return path.lexically_normal().string();
  return (std::filesystem::path(holder).parent_path() / path).lexically_normal().string();
}

}  // namespace

PolicyText::PolicyText(PolicySource main, const SourceReader& reader,
                       std::vector<Diagnostic>& errors)
    : reader_(reader), errors_(errors) {
  included_at_.push_back({});
  add(std::move(main));
}

void PolicyText::add(PolicySource source) {
  bytes_ += source.text.size();
  if (bytes_ > kMaxPolicyBytes)
    throw BadInput(Diagnostic{.file = sources_.empty() ? source.file : sources_.front()->file,
                              .message = "a policy has at most 4 MiB, with all that it includes"});
  const auto number = static_cast<uint32_t>(sources_.size());
  sources_.push_back(std::make_unique<PolicySource>(std::move(source)));
  lines_.emplace_back();
  statements_.emplace_back("", PolicyPlace{number, 0});
  std::string_view rest = sources_[number]->text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    lines_[number].push_back(line);
    Statement statement(line, {number, static_cast<uint32_t>(lines_[number].size())});
    if (statement.empty()) continue;
    if (!statement.peek().is_word("include")) {
      statements_.push_back(std::move(statement));
      continue;
    }
    try {
      include(statement);
    } catch (const Complaint& complaint) {
      errors_.push_back({.file = file_at(statement.place()),
                         .line = statement.place().line,
                         .column = complaint.column,
                         .message = complaint.message,
                         .source = std::string(line)});
    }
    statements_.emplace_back("", PolicyPlace{number, 0});
  }
}

void PolicyText::include(Statement& statement) {
  statement.take();
  const auto& token = statement.peek();
  const auto file =
      resolved(file_at(statement.place()), statement.expect_string("the file to include"));
  statement.expect_end();
  for (size_t i = 0; i < sources_.size(); i++) {
    if (resolved({}, sources_[i]->file) != file) continue;
    statement.fail_at(token, i == 0
                                 ? "this is the policy itself"
                                 : "this file is included already, at " + file_at(included_at_[i]) +
                                       ':' + std::to_string(included_at_[i].line));
  }
  if (sources_.size() > PS_MAX_INCLUDES)
    statement.fail_at(token,
                      "more than " + std::to_string(PS_MAX_INCLUDES) + " files are included");
  std::string text;
  try {
    text = reader_(file);
  } catch (const BadInput& bad) {
    statement.fail_at(token, postern::quoted(file) + ' ' + bad.diagnostics().front().message);
  }
  included_at_.push_back(statement.place());
  add({file, std::move(text)});
}

std::vector<PolicySource> PolicyText::take_sources() {
  std::vector<PolicySource> sources;
  for (auto& source : sources_) sources.push_back(*source);
  return sources;
}

std::string_view PolicyText::line_at(const PolicyPlace& place) const {
  return lines_[place.source][place.line - 1];
}

const std::string& PolicyText::file_at(const PolicyPlace& place) const {
  return sources_[place.source]->file;
}

}  // namespace postern
