// SPDX-License-Identifier: BSD-3-Clause
//
// Names that have no field (any more) contribute nothing: they are signed as absent.
#include "control/auth/dkim_header_hash.h"

#include "control/auth/body_hash.h"
#include "control/auth/dkim_canonicalize.h"
#include "control/dns/domain_name.h"

namespace postern::auth {

FieldIndex::FieldIndex(const std::vector<HeaderField>& fields) : fields_(fields) {
  for (size_t place = 0; place < fields.size(); place++) {
    if (!fields[place].name.empty()) {
      places_[dns::ascii_lower(fields[place].name)].push_back(place);
    }
  }
}

const std::vector<size_t>& FieldIndex::find(const std::string& name) const {
  static const std::vector<size_t> kNone;
  const auto found = places_.find(name);
  return found == places_.end() ? kNone : found->second;
}

std::string hash_header(const std::vector<std::string>& names, Canonicalization how,
                        const FieldIndex& index, size_t own_place, std::string_view own_field) {
  Sha256 hash;
  std::string canonical;
  std::unordered_map<std::string_view, size_t> used;  // how many of each name, from the bottom
  for (const std::string& name : names) {
    const auto& places = index.find(name);
    size_t& count = used[name];
    // The signature being verified is never among what it signs (RFC 6376 §3.5, h=).
    if (count < places.size() && places[places.size() - 1 - count] == own_place) count++;
    if (count >= places.size()) continue;  // signed as absent
    canonical.clear();
    canonicalize_field(index.field(places[places.size() - 1 - count]).raw, how, canonical);
    canonical += "\r\n";
    hash.update(canonical);
    count++;
  }
  canonical.clear();
  canonicalize_field(own_field, how, canonical);
  hash.update(canonical);
  return hash.finish();
}

}  // namespace postern::auth
