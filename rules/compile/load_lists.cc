// SPDX-License-Identifier: BSD-3-Clause
//
// From list declarations to list contents (rules/compile/load_lists.h).
#include "rules/compile/load_lists.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>

#include "rules/compile/guards.h"
#include "rules/policy/names.h"
#include "rules/text/compressed.h"
#include "rules/text/file_text.h"

namespace postern {
namespace {

constexpr size_t kMaxListBytes = size_t{1} << 30;

// A relative file is beside the policy.
std::string path_of(const Policy& policy, const ListDeclaration& list) {
  const std::filesystem::path file(list.file);
  if (file.is_absolute()) return list.file;
  return (std::filesystem::path(policy.file).parent_path() / file).string();
}

[[noreturn]] void refuse(const std::string& file, std::string message) {
  throw BadInput(Diagnostic{.file = file, .message = std::move(message)});
}

const ListFormat& format_of(const ListDeclaration& list, std::string_view text,
                            const std::string& path) {
  if (!list.format.empty()) return *find_list_format(list.format);
  if (const auto* format = recognise_list_format(text)) return *format;
  refuse(path, "is of no format that is known; if it should be, say which with \"format\"");
}

std::optional<size_t> index_in(const Snapshot* previous, const std::string& name) {
  if (!previous) return std::nullopt;
  const auto& lists = previous->lists();
  const auto found = std::find_if(lists.begin(), lists.end(),
                                  [&](const ListFacts& facts) { return facts.name == name; });
  if (found == lists.end()) return std::nullopt;
  return static_cast<size_t>(found - lists.begin());
}

class ListLoader {
 public:
  ListLoader(const Policy& policy, const CompileOptions& options, std::vector<Diagnostic>& warnings)
      : policy_(policy), options_(options), warnings_(warnings) {}

  LoadedList load(const ListDeclaration& declaration) {
    const auto path = path_of(policy_, declaration);
    const auto previous = index_in(options_.previous, declaration.name);
    try {
      return read(declaration, path, previous);
    } catch (const BadInput& refused) {
      if (!previous) throw;
      for (auto diagnostic : refused.diagnostics()) {
        diagnostic.message += " (refused; the last good one stays)";
        warnings_.push_back(std::move(diagnostic));
      }
      return keep(declaration, path, *previous);
    }
  }

 private:
  LoadedList read(const ListDeclaration& declaration, const std::string& path,
                  std::optional<size_t> previous) {
    auto file = read_file_text(path, kMaxListBytes);
    file.text = uncompressed(std::move(file.text), path, kMaxListBytes);
    if (const auto why = why_not_a_list(file.text)) refuse(path, *why);
    const auto& format = format_of(declaration, file.text, path);

    LoadedList list;
    list.content = format.read(file.text, {.file = path, .modified_at = file.modified_at});
    list.modified_at = file.modified_at;
    if (options_.strict && list.content.skipped_count > 0)
      throw BadInput(std::move(list.content.skipped));
    if (const auto why = why_not_meant(list.content)) refuse(path, *why);
    list.report = {.name = declaration.name,
                   .file = path,
                   .format = std::string(format.name()),
                   .entries = list.content.size(),
                   .skipped = list.content.skipped_count};
    if (previous && declaration.max_change) {
      const auto before = options_.previous->lists()[*previous].entries;
      if (const auto why = why_not_this_size(list.report.entries, before, *declaration.max_change))
        refuse(path, *why);
    }
    warn_of_skipped(list);
    return list;
  }

  LoadedList keep(const ListDeclaration& declaration, const std::string& path, size_t previous) {
    const auto& facts = options_.previous->lists()[previous];
    LoadedList list;
    list.modified_at = facts.modified_at;
    for (const auto& entry : options_.previous->entries_of(previous))
      list.content.add(entry.range, entry.line);
    list.content.domains = options_.previous->domain_entries_of(previous);
    list.report = {.name = declaration.name,
                   .file = path,
                   .format = facts.format,
                   .entries = facts.entries,
                   .kept_previous = true};
    return list;
  }

  void warn_of_skipped(const LoadedList& list) {
    const auto& skipped = list.content.skipped;
    warnings_.insert(warnings_.end(), skipped.begin(), skipped.end());
    if (list.content.skipped_count > skipped.size())
      warnings_.push_back({.file = list.report.file,
                           .message = std::to_string(list.content.skipped_count - skipped.size()) +
                                      " more bad lines are not shown"});
  }

  const Policy& policy_;
  const CompileOptions& options_;
  std::vector<Diagnostic>& warnings_;
};

void apply_expiry(const ListDeclaration& declaration, std::chrono::sys_seconds now,
                  LoadedList& list, std::vector<Diagnostic>& warnings) {
  if (!declaration.expires) return;
  list.expires_at = list.modified_at + declaration.expires->count();
  if (*list.expires_at > now.time_since_epoch().count()) return;
  list.report.expired = true;
  warnings.push_back({.file = list.report.file,
                      .message = "list \"" + declaration.name +
                                 "\" has expired and counts as empty: the file is older than its "
                                 "expires allows"});
}

// Rules that take a list for addresses when it turned out to have domains, or the other way round.
class UseCheck {
 public:
  UseCheck(const Policy& policy, const std::vector<LoadedList>& lists)
      : policy_(policy), lists_(lists) {}

  std::vector<Diagnostic> wrong_uses() {
    for (const auto& block : policy_.connections)
      for (const auto& rule : block.rules) {
        if (const auto* in_list = std::get_if<InList>(&rule.match))
          need_addresses({in_list->list}, rule.line);
        else if (const auto* in_category = std::get_if<InCategory>(&rule.match))
          need_addresses(lists_in_category(policy_, in_category->category), rule.line);
      }
    for (const auto& rule : policy_.messages)
      for (const auto& condition : rule.conditions) {
        if (const auto* in_list = std::get_if<SourceInList>(&condition))
          need_addresses({in_list->list}, rule.line);
        else if (const auto* in_category = std::get_if<SourceInCategory>(&condition))
          need_addresses(lists_in_category(policy_, in_category->category), rule.line);
        else if (const auto* domains = std::get_if<DomainInList>(&condition))
          need_domains(domains->lists, rule.line);
      }
    return std::move(wrong_);
  }

 private:
  void need_addresses(const std::vector<size_t>& any_of, uint32_t line) {
    const bool found = std::any_of(any_of.begin(), any_of.end(), [&](size_t list) {
      return lists_[list].content.size() > lists_[list].content.domains.size();
    });
    if (!found) complain(line, any_of, "domains, but this rule looks for addresses");
  }
  void need_domains(const std::vector<size_t>& any_of, uint32_t line) {
    const bool found = std::any_of(any_of.begin(), any_of.end(), [&](size_t list) {
      return !lists_[list].content.domains.empty();
    });
    if (!found) complain(line, any_of, "addresses, but this rule looks for domains");
  }
  void complain(uint32_t line, const std::vector<size_t>& lists, const std::string& what) {
    wrong_.push_back(
        {.file = policy_.file,
         .line = line,
         .message = "list \"" + lists_[lists.front()].report.name + "\" has only " + what});
  }

  const Policy& policy_;
  const std::vector<LoadedList>& lists_;
  std::vector<Diagnostic> wrong_;
};

}  // namespace

std::vector<LoadedList> load_lists(const Policy& policy, const CompileOptions& options,
                                   std::chrono::sys_seconds now,
                                   std::vector<Diagnostic>& warnings) {
  ListLoader loader(policy, options, warnings);
  std::vector<LoadedList> lists;
  std::vector<Diagnostic> refused;
  for (const auto& declaration : policy.lists) {
    try {
      lists.push_back(loader.load(declaration));
      apply_expiry(declaration, now, lists.back(), warnings);
    } catch (const BadInput& bad) {
      refused.insert(refused.end(), bad.diagnostics().begin(), bad.diagnostics().end());
    }
  }
  if (refused.empty()) refused = UseCheck(policy, lists).wrong_uses();
  if (!refused.empty()) throw BadInput(std::move(refused));
  return lists;
}

}  // namespace postern
