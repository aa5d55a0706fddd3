// SPDX-License-Identifier: BSD-3-Clause
//
// Message headers: any octets as a message, cut into pieces by their first octet. The header found
// in pieces must be the one found at once, its fields must make it up again, the canonical forms
// must not depend on the pieces, the author is a sound domain or none, and only Auto-Submitted says
// that nobody wrote it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/auth/author.h"
#include "control/auth/dkim_canonicalize.h"
#include "control/auth/header_fields.h"
#include "control/dns/domain_name.h"
#include "control/learning/trap_hit.h"

namespace {

using namespace postern::auth;

void must(bool condition) {
  if (!condition) std::abort();
}

struct Taken {
  std::string fields;
  size_t header_length = 0;
  bool at_body = false;
};

Taken take(std::string_view message, size_t chunk) {
  HeaderReader reader;
  Taken taken;
  while (!message.empty() && !reader.at_body()) {
    const auto piece = message.substr(0, chunk);
    const size_t length = reader.update(piece);
    must(length == piece.size() || reader.at_body());
    taken.header_length += length;
    message.remove_prefix(length);
  }
  taken.at_body = reader.at_body();
  reader.finish();
  for (const auto& field : reader.fields()) {
    taken.fields += std::string(field.raw) + "\r\n";
    must(field.name.size() + field.body.size() <= field.raw.size());
  }
  const std::string author = author_domain(reader.fields());
  must(author.empty() || postern::dns::to_a_labels(author) == author);
  return taken;
}

std::string body_of(std::string_view text, Canonicalization how, size_t chunk) {
  std::string canonical;
  BodyCanonicalizer canonicalizer(how, [&](std::string_view piece) { canonical += piece; });
  for (; !text.empty(); text.remove_prefix(std::min(chunk, text.size()))) {
    canonicalizer.update(text.substr(0, chunk));
  }
  canonicalizer.finish();
  return canonical;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t chunk = data[0] % 16 + 1;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Taken whole = take(message, message.size() + 1);
  const Taken pieces = take(message, chunk);
  must(whole.fields == pieces.fields && whole.header_length == pieces.header_length &&
       whole.at_body == pieces.at_body);
  if (size <= kMaxHeaderLength && whole.at_body) {
    must(whole.fields + "\r\n" == message.substr(0, whole.header_length));
  }
  for (const auto how : {Canonicalization::kSimple, Canonicalization::kRelaxed}) {
    const std::string canonical = body_of(message, how, message.size() + 1);
    must(canonical == body_of(message, how, chunk));
    must(canonical.empty() || canonical.ends_with("\r\n"));
    must(body_of(canonical, how, chunk) == canonical);  // what is canonical stays so
    std::string field;
    canonicalize_field(message, how, field);
  }
  (void)author_domain_of(message);
  for (const auto& one : split_header_fields(message)) {
    const bool automatic = postern::learning::says_automatic(one.raw);
    must(!automatic || has_name(one, "auto-submitted"));
  }
  return 0;
}
