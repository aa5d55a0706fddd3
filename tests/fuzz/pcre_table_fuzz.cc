// SPDX-License-Identifier: BSD-3-Clause
//
// Any octets as a pcre_table: refused with places in the text, or rules whose conditions enclose
// them, whose patterns PCRE2 tries on names within its limits, and whose results can be made.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/names/access_result.h"
#include "control/names/pcre_table.h"
#include "rules/text/diagnostic.h"

namespace {

using namespace postern;
using namespace postern::names;

void must(bool condition) {
  if (!condition) std::abort();
}

void check_refusal(const BadInput& bad, std::string_view text) {
  const auto lines = static_cast<uint32_t>(1 + std::count(text.begin(), text.end(), '\n'));
  must(!bad.diagnostics().empty());
  for (const auto& diagnostic : bad.diagnostics()) {
    must(diagnostic.line >= 1 && diagnostic.line <= lines);
    must(diagnostic.column >= 1 && diagnostic.column <= diagnostic.source.size() + 1);
    must(!diagnostic.message.empty());
  }
}

template <typename Statements>
void check_order(const Statements& statements, const PcreTable& table) {
  uint32_t before = 0;
  for (const auto& one : statements) {
    must(one.line > before);
    before = one.line;
    if (one.within) {
      must(*one.within < table.conditions.size());
      must(table.conditions[*one.within].line < one.line);
    }
  }
}

void try_on_names(const PcreRule& rule) {
  CompiledPattern pattern(rule.pattern);
  must(rule.result.groups() <= pattern.groups());
  CompiledPattern::Groups groups(pattern);
  for (const std::string_view name : {"", "a", "pool-203-0-113-7.dsl.example", "\xff\n"}) {
    if (pattern.match(name, groups) != CompiledPattern::Outcome::kYes) continue;
    const auto result =
        rule.result.expanded([&](uint32_t group) { return groups.at(group, name); });
    must(result.size() >= rule.result.literal().size());
    access_result(result);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kTried = 4;  // rules, as each may take as long as its limit lets it
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto table = PcreTable::parse(text, "fuzz");
    check_order(table.conditions, table);
    check_order(table.rules, table);
    for (size_t i = 0; i < std::min(kTried, table.rules.size()); i++) try_on_names(table.rules[i]);
  } catch (const BadInput& bad) {
    check_refusal(bad, text);
  }
  return 0;
}
