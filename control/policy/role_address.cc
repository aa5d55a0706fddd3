// SPDX-License-Identifier: BSD-3-Clause
//
// A quoted pair within quotes is left as it is: nobody writes "postm\aster".
#include "control/policy/role_address.h"

#include "rules/text/words.h"

namespace postern::policy {

bool is_role_address(std::string_view recipient) noexcept {
  const size_t at = recipient.rfind('@');
  auto local = recipient.substr(0, at);
  if (local.size() >= 2 && local.starts_with('"') && local.ends_with('"'))
    local = local.substr(1, local.size() - 2);
  local = local.substr(0, local.find('+'));
  if (same_word(local, "postmaster")) return true;
  return at != std::string_view::npos && same_word(local, "abuse");
}

}  // namespace postern::policy
