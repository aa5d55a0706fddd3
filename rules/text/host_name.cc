// SPDX-License-Identifier: BSD-3-Clause
//
// Looking at a host name label by label (rules/text/host_name.h).
#include "rules/text/host_name.h"

#include "rules/text/domain_label.h"

namespace postern {

const char* fault_of_host_name(std::string_view name) noexcept {
  if (name.empty()) return "is empty";
  if (name.size() > kMaxDomainName) return "has more than 253 bytes";
  if (name.find('_') != std::string_view::npos) return "has an underscore, as no host's name has";
  std::string_view label;
  for (size_t start = 0; start <= name.size(); start += label.size() + 1) {
    label = name.substr(start, name.find('.', start) - start);
    if (const auto* fault = fault_of_label(label)) return fault;
  }
  return is_number_label(label) ? "ends in a number, as no host's name does" : nullptr;
}

}  // namespace postern
