// SPDX-License-Identifier: BSD-3-Clause
//
// DKIM-Signature fields and key records: any octets as either. A signature that is read must hold
// what its type promises; with the octets as its body too, it is hashed and verified as far as that
// goes, and must not pass with a key that the input did not bring.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/auth/dkim_key.h"
#include "control/auth/dkim_signature.h"
#include "control/auth/dkim_verify.h"
#include "control/dns/domain_name.h"

namespace {

using namespace postern::auth;

void must(bool condition) {
  if (!condition) std::abort();
}

void check_signature(std::string_view text) {
  const DkimSignatureReading reading = read_dkim_signature(text);
  must(reading.signature.has_value() == reading.report.reason.empty());
  if (!reading.signature) {
    must(reading.report.result == Result::kPermError || reading.report.result == Result::kPolicy);
    return;
  }
  const DkimSignature& signature = *reading.signature;
  must(postern::dns::to_a_labels(signature.domain) == signature.domain);
  must(postern::dns::to_a_labels(signature.key_name()) == signature.key_name());
  must(postern::dns::is_within(signature.identity_domain, signature.domain));
  must(signature.body_hash.size() == 32 && !signature.signature.empty());
  must(signature.signature_begin <= signature.signature_end &&
       signature.signature_end <= text.size());
  must(!signature.signed_fields.empty() && signature.signed_fields.size() <= kMaxSignedFields);
}

// As authenticate() does it: the offsets of a signature are those of its field's own body, which
// ends before the line end that the octets may bring.
void check_hash(std::string_view text) {
  const std::string header = "DKIM-Signature:" + std::string(text);
  const auto fields = split_header_fields(header);
  if (fields.size() != 1) return;
  const DkimSignatureReading reading = read_dkim_signature(fields[0].body);
  if (!reading.signature) return;
  must(hash_signed_header(*reading.signature, 0, FieldIndex(fields)).size() == 32);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_signature(text);
  check_hash(text);
  const DkimKeyReading key = read_dkim_key(text);
  must(key.key.has_value() == key.reason.empty());
  if (key.key) must(key.key->public_key != nullptr && key.key->bits > 0);
  return 0;
}
