// SPDX-License-Identifier: BSD-3-Clause
//
// The hash of a header as DKIM signs it (RFC 6376 §3.7, §5.4.2), which a signer and a verifier have
// to make of the same fields in the same order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/auth/dkim_signature.h"
#include "control/auth/header_fields.h"

namespace postern::auth {

// The fields of a header by name, so that finding them costs the same however many there are.
class FieldIndex {
 public:
  explicit FieldIndex(const std::vector<HeaderField>& fields);
  // The places of the fields with this lower-case name, in the order of the header.
  const std::vector<size_t>& find(const std::string& name) const;
  const HeaderField& field(size_t place) const { return fields_[place]; }

 private:
  const std::vector<HeaderField>& fields_;
  std::unordered_map<std::string, std::vector<size_t>> places_;
};

constexpr size_t kNotInHeader = SIZE_MAX;

// names: h=, lower case; each takes the next field of that name from the bottom, but not the one at
// own_place, which is the signature itself (kNotInHeader: it is not there yet). own_field: that
// one, raw, with an empty b=; it comes last.
std::string hash_header(const std::vector<std::string>& names, Canonicalization how,
                        const FieldIndex& index, size_t own_place, std::string_view own_field);

}  // namespace postern::auth
