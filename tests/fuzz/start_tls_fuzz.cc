// SPDX-License-Identifier: BSD-3-Clause
//
// Any octets as the response to LDAP's StartTLS. However they are cut, a reader that waits for more
// comes to the end that it comes to when it has all at once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/directory/start_tls.h"

namespace {

using namespace postern::directory;

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2 * kMaxStartTlsResponse) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read_start_tls_response(bytes);
  must(!whole.broken || !whole.response);
  if (whole.response) {
    must(whole.response->length <= size && whole.response->length <= kMaxStartTlsResponse);
    must(whole.response->diagnostic.size() < whole.response->length);
  }
  for (size_t length = 0; length < size; length++) {
    const auto part = read_start_tls_response(bytes.substr(0, length));
    if (part.broken) must(whole.broken);
    if (part.response) must(whole.response && whole.response->length == part.response->length);
  }
  return 0;
}
