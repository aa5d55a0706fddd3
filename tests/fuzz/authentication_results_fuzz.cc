// SPDX-License-Identifier: BSD-3-Clause
//
// Authentication-Results: any octets as such a field, and any octets as what a message made us say.
// What we write must be one field, printable, folded, and recognised as ours.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/auth/authentication_results.h"
#include "control/auth/header_fields.h"

namespace {

using namespace postern::auth;

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)claims_our_results(text, "mx.example.net");
  const std::string field = "Authentication-Results: " + std::string(text);
  (void)claims_our_results(field, "mx.example.net");
  // With our id in front, nothing behind it can hide that.
  must(claims_our_results("Authentication-Results: mx.example.net;" + std::string(text),
                          "mx.example.net"));

  AuthResult result;
  DkimResult dkim;
  dkim.result = Result::kFail;
  dkim.domain = text.substr(0, size / 4);
  dkim.selector = text.substr(size / 4, size / 4);
  dkim.signature_prefix = text.substr(size / 2, size / 4);
  dkim.reason = text.substr(size - size / 4);
  result.dkim.push_back(dkim);
  const std::string written = write_authentication_results("mx.example.net", result);
  must(claims_our_results(written, "mx.example.net"));
  const auto fields = split_header_fields(written);
  must(fields.size() == 1 && fields[0].raw.size() + 2 == written.size());
  for (char c : fields[0].raw) must((c >= ' ' && c < 0x7f) || c == '\t' || c == '\r' || c == '\n');
  return 0;
}
