// SPDX-License-Identifier: BSD-3-Clause
//
// From list declarations to list contents (rules/compile/load_lists.h).
#include "rules/compile/load_lists.h"

#include <xxhash.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "rules/compile/guards.h"
#include "rules/policy/names.h"
#include "rules/text/compressed.h"
#include "rules/text/file_text.h"

namespace postern {
namespace {

constexpr size_t kMaxListBytes = size_t{1} << 30;

// All that decides what a text is read as, beside the text.
uint64_t reading_hash_of(const ListDeclaration& declaration) {
  const auto reading = declaration.format + '\n' + POSTERN_VERSION;
  return XXH3_64bits(reading.data(), reading.size());
}

bool has_times(const ListContent& content) {
  return std::ranges::any_of(
      content.notes.all(), [](const EntryNote& note) { return note.expires_at != kNeverExpires; });
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

struct ReadText {
  std::string format;
  ListContent content;
};

// bytes: of the file, packed or not.
ReadText read_text(const ListDeclaration& declaration, std::string bytes, const std::string& path,
                   int64_t modified_at) {
  const auto text = uncompressed(std::move(bytes), path, kMaxListBytes);
  if (const auto why = why_not_a_list(text)) refuse(path, *why);
  const auto& format = format_of(declaration, text, path);
  return {std::string(format.name()),
          format.read(text, {.file = path, .modified_at = modified_at})};
}

void guard_content(const ListDeclaration& declaration, const ListContent& content,
                   const std::string& path) {
  if (const auto why = why_not_meant(content)) refuse(path, *why);
  if (const auto why = why_not_so_large(content, declaration)) refuse(path, *why);
  if (declaration.max_share)
    if (const auto why = why_not_so_much(content, *declaration.max_share)) refuse(path, *why);
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
  ListLoader(const Policy& policy, const CompileOptions& options, std::chrono::sys_seconds now,
             std::vector<Diagnostic>& warnings)
      : policy_(policy),
        options_(options),
        now_(now.time_since_epoch().count()),
        warnings_(warnings) {}

  LoadedList load(const ListDeclaration& declaration) {
    const auto path = path_of(policy_, declaration);
    const auto previous = index_in(options_.previous, declaration.name);
    LoadedList list;
    try {
      list = read(declaration, path, previous);
    } catch (const BadInput& refused) {
      if (!previous) throw;
      for (auto diagnostic : refused.diagnostics()) {
        diagnostic.message += " (refused; the last good one stays)";
        warnings_.push_back(std::move(diagnostic));
      }
      list = keep(declaration, path, *previous);
    }
    apply_age(declaration, list);
    return list;
  }

 private:
  LoadedList read(const ListDeclaration& declaration, const std::string& path,
                  std::optional<size_t> previous) {
    auto file = read_file_text(path, kMaxListBytes);
    LoadedList list;
    list.modified_at = list.changed_at = file.modified_at;
    list.content_hash = XXH3_64bits(file.text.data(), file.text.size());
    list.reading_hash = reading_hash_of(declaration);
    list.report = {
        .name = declaration.name, .file = path, .recognised = declaration.format.empty()};
    if (!previous || !reuse(*previous, list)) parse(declaration, std::move(file.text), list);
    list.report.entries = list.content.size();
    guard(declaration, list, previous);
    // Only now, as a list that is refused says why in one line.
    warn_of(list.content.skipped, list.content.skipped_count, "bad lines", path);
    warn_of(list.content.remarks, list.content.remark_count, "remarks", path);
    return list;
  }

  // Takes the content from the previous snapshot where it would be read to be the same.
  bool reuse(size_t previous, LoadedList& list) {
    const auto& facts = options_.previous->lists()[previous];
    if (facts.kept_previous || facts.content_hash != list.content_hash) return false;
    list.changed_at = facts.changed_at;
    if (facts.reading_hash != list.reading_hash || (options_.strict && facts.skipped > 0))
      return false;
    const auto& content = previous_content(previous);
    // Relative times count from when the file was written.
    if (facts.modified_at != list.modified_at && has_times(content)) return false;
    list.content = content;
    list.report.format = facts.format;
    list.report.skipped = facts.skipped;
    list.report.unchanged = true;
    if (facts.skipped > 0)
      warnings_.push_back({.file = list.report.file,
                           .message = "has " + std::to_string(facts.skipped) +
                                      " bad lines, as when it was read last"});
    return true;
  }

  void parse(const ListDeclaration& declaration, std::string bytes, LoadedList& list) {
    const auto& path = list.report.file;
    auto [format, content] = read_text(declaration, std::move(bytes), path, list.modified_at);
    list.content = std::move(content);
    if (options_.strict && list.content.skipped_count > 0)
      throw BadInput(std::move(list.content.skipped));
    list.report.format = format;
    list.report.skipped = list.content.skipped_count;
  }

  void guard(const ListDeclaration& declaration, const LoadedList& list,
             std::optional<size_t> previous) const {
    const auto& path = list.report.file;
    guard_content(declaration, list.content, path);
    if (previous && declaration.max_change) {
      const auto before = options_.previous->lists()[*previous].entries;
      if (const auto why = why_not_this_size(list.report.entries, before, *declaration.max_change))
        refuse(path, *why);
    }
  }

  LoadedList keep(const ListDeclaration& declaration, const std::string& path, size_t previous) {
    const auto& facts = options_.previous->lists()[previous];
    LoadedList list;
    list.modified_at = facts.modified_at;
    list.changed_at = facts.changed_at;
    list.content_hash = facts.content_hash;
    list.reading_hash = facts.reading_hash;
    list.content = previous_content(previous);
    list.report = {.name = declaration.name,
                   .file = path,
                   .format = facts.format,
                   .entries = facts.entries,
                   .skipped = facts.skipped,
                   .kept_previous = true};
    return list;
  }

  // What that list said. All are taken out of the snapshot at the first need of one, as their
  // entries lie there in the order of addresses, not of lists.
  const ListContent& previous_content(size_t list) {
    if (previous_contents_.empty()) previous_contents_ = options_.previous->contents();
    return previous_contents_[list];
  }

  // What `expires` and `stale` say of a file of this age.
  void apply_age(const ListDeclaration& declaration, LoadedList& list) {
    const auto expire_after = [&](std::chrono::seconds age) {
      const auto at = list.modified_at + age.count();
      list.expires_at = std::min(list.expires_at.value_or(at), at);
    };
    if (declaration.expires) expire_after(*declaration.expires);
    const auto& stale = declaration.stale;
    if (stale && stale->then == StaleRule::Then::kIgnore) expire_after(stale->after);
    const auto& name = declaration.name;
    if (list.expires_at && *list.expires_at <= now_) {
      list.report.expired = true;
      warn(list.report.file, "list \"" + name +
                                 "\" has expired and counts as empty: the file is older than its "
                                 "expires allows");
    }
    if (!stale || list.modified_at + stale->after.count() > now_) return;
    list.report.stale = true;
    const std::string message = "list \"" + name + "\" is stale: the file has not changed for " +
                                std::to_string((now_ - list.modified_at) / 3600) + " hours";
    if (stale->then == StaleRule::Then::kRefuse) refuse(list.report.file, message);
    if (stale->then == StaleRule::Then::kKeep) warn(list.report.file, message);
  }

  void warn(const std::string& file, std::string message) {
    warnings_.push_back({.file = file, .message = std::move(message)});
  }

  void warn_of(const std::vector<Diagnostic>& kept, uint64_t count, const char* what,
               const std::string& file) {
    warnings_.insert(warnings_.end(), kept.begin(), kept.end());
    if (count > kept.size())
      warn(file, std::to_string(count - kept.size()) + " more " + what + " are not shown");
  }

  const Policy& policy_;
  const CompileOptions& options_;
  const int64_t now_;  // Unix seconds
  std::vector<Diagnostic>& warnings_;
  std::vector<ListContent> previous_contents_;
};

// Rules that take a list for addresses when it turned out to have domains, or the other way round.
class UseCheck {
 public:
  UseCheck(const Policy& policy, const std::vector<LoadedList>& lists)
      : policy_(policy), lists_(lists) {}

  std::vector<Diagnostic> wrong_uses() {
    for (const auto& block : policy_.connections)
      for (const auto& rule : block.rules) need_addresses(rule.match, rule.place);
    for (const auto& block : policy_.outbound) {
      for (const auto& source : block.sources) need_addresses(source, block.place);
      for (const auto& rule : block.rules) need_addresses(rule.match, rule.place);
    }
    check(policy_.messages);
    for (const auto& block : policy_.message_blocks) {
      for (const auto& in : block.lists) need_domains(in.lists, block.place);
      check(block.rules);
    }
    return std::move(wrong_);
  }

 private:
  void check(const std::vector<MessageRule>& rules) {
    for (const auto& rule : rules)
      for (const auto& condition : rule.conditions) {
        if (const auto* in_list = std::get_if<SourceInList>(&condition))
          need_addresses(InList{in_list->list}, rule.place);
        else if (const auto* in_category = std::get_if<SourceInCategory>(&condition))
          need_addresses(InCategory{in_category->category}, rule.place);
        else if (const auto* domains = std::get_if<DomainInList>(&condition))
          need_domains(domains->lists, rule.place);
      }
  }
  void need_addresses(const AddressMatch& match, const PolicyPlace& place) {
    std::vector<size_t> any_of;
    if (const auto* in_list = std::get_if<InList>(&match)) any_of = {in_list->list};
    if (const auto* in_category = std::get_if<InCategory>(&match))
      any_of = lists_with_category(policy_, in_category->category);
    const bool found = any_of.empty() || std::ranges::any_of(any_of, [&](size_t list) {
                         const auto& content = lists_[list].content;
                         return content.size() > content.domains.size();
                       });
    if (!found) complain(place, any_of, "domains, but this rule looks for addresses");
  }
  void need_domains(const std::vector<size_t>& any_of, const PolicyPlace& place) {
    const bool found = std::ranges::any_of(
        any_of, [&](size_t list) { return !lists_[list].content.domains.empty(); });
    if (!found) complain(place, any_of, "addresses, but this rule looks for domains");
  }
  void complain(const PolicyPlace& place, const std::vector<size_t>& lists,
                const std::string& what) {
    wrong_.push_back(
        {.file = policy_.file_of(place),
         .line = place.line,
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
  ListLoader loader(policy, options, now, warnings);
  std::vector<LoadedList> lists;
  std::vector<Diagnostic> refused;
  for (const auto& declaration : policy.lists) {
    try {
      lists.push_back(loader.load(declaration));
    } catch (const BadInput& bad) {
      refused.insert(refused.end(), bad.diagnostics().begin(), bad.diagnostics().end());
    }
  }
  if (refused.empty()) refused = UseCheck(policy, lists).wrong_uses();
  if (!refused.empty()) throw BadInput(std::move(refused));
  return lists;
}

ListContent read_list(const ListDeclaration& declaration, const std::string& path) {
  auto file = read_file_text(path, kMaxListBytes);
  auto content = read_text(declaration, std::move(file.text), path, file.modified_at).content;
  guard_content(declaration, content, path);
  return content;
}

}  // namespace postern
