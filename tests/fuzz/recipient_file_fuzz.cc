// SPDX-License-Identifier: BSD-3-Clause
//
// Any octets as a recipient file, then as an address. A file is read whole or refused with a place
// inside it; every address of a file that was read is found in it; what an address parses to is
// written so that it parses to the same, and no octet of it gets past the escaping of a filter.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/directory/filter_template.h"
#include "control/directory/mail_address.h"
#include "control/directory/recipient_table.h"
#include "rules/text/diagnostic.h"

namespace {

using namespace postern;
using namespace postern::directory;

void must(bool condition) {
  if (!condition) std::abort();
}

// Parentheses balance in what was made of "(a=%s)(b=%u)(c=%d)", and nothing else is in it.
void check_filter(const MailAddress& address) {
  static const FilterTemplate filter("(&(a=%s)(b=%u)(c=%d))");
  const std::string made = filter.filter_for(address, address.local);
  must(std::count(made.begin(), made.end(), '(') == 4);
  must(std::count(made.begin(), made.end(), ')') == 4);
  must(made.find_first_of(std::string_view("*\0", 2)) == std::string::npos);
}

void check_address(std::string_view text, const AddressRules& rules) {
  const auto address = MailAddress::parse(text, rules);
  if (!address) return;
  must(!address->local.empty() && !address->domain.empty());
  must(!address->base(rules).empty());
  const auto again = MailAddress::parse(address->text(), rules);
  must(again && *again == *address);
  check_filter(*address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const AddressRules rules;
  check_address(text, rules);
  check_address(text, {.local_case = true, .extensions = "+-"});
  try {
    const auto table = RecipientTable::parse(text, "fuzz", rules);
    must(table->size() <= size);
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const auto address = MailAddress::parse(line.substr(0, line.find_first_of(" \t\r")), rules);
      if (!address || line.starts_with('#')) continue;
      const auto found = table->find(*address);
      must(found && found->line >= 1 && !found->primary.empty());
    }
  } catch (const BadInput& error) {
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    must(error.diagnostics().size() == 1);
    must(error.diagnostics()[0].line >= 1 && error.diagnostics()[0].line <= lines);
    must(error.diagnostics()[0].column >= 1 && error.diagnostics()[0].column <= size + 1);
  }
  return 0;
}
