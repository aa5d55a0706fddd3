// SPDX-License-Identifier: BSD-3-Clause
//
// What an entry of an rbldnsd data file answers with: an A value and a TXT template, written as
// ":127.0.0.2:text", ":2:text" (the same), ":2" (the default's text), ":2:" (no text) or "text"
// (the default's A value). Templates may have variables, which a dataset sets on lines of their
// own, also behind those that use them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

struct RbldnsdValue {
  std::string a = "127.0.0.2";
  std::string text = {};  // the template
};

// nullopt when it is none; then *why is a message. text: not empty.
std::optional<RbldnsdValue> read_rbldnsd_value(std::string_view text,
                                               const RbldnsdValue& by_default, std::string* why);

// The variables $0 to $9, and the template $= around all templates.
class RbldnsdVariables {
 public:
  // "1 some text", "= a template": sets what is not set yet. False when it is something else.
  bool set(std::string_view special);
  // A template with its variables replaced. `$` (the address that is asked for) and `$$` stay.
  std::string expanded(std::string_view text) const;

 private:
  std::array<std::string, 10> numbered_;
  std::string base_;
};

}  // namespace postern
