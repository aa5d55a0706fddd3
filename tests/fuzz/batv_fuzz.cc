// SPDX-License-Identifier: BSD-3-Clause
//
// Any octets as an address of a domain that tags: what is tagged comes back as it was and is valid,
// and nothing that was not made with the key is. Then as a file of keys and domains, which is read
// whole or refused with a place inside it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/smtp/batv.h"
#include "rules/text/diagnostic.h"

namespace {

using namespace postern;
using namespace postern::smtp;

void must(bool condition) {
  if (!condition) std::abort();
}

void check_address(const std::string& address) {
  constexpr int64_t kNow = 1'700'000'000;
  static const Batv batv =
      Batv::parse("key 1 0123456789abcdef\ncheck example.org\ntag example.net\n", "fuzz");
  const std::string tagged = batv.tag(address, kNow);
  const auto reading = batv.read(tagged, kNow);
  if (tagged == address) {
    // 24 bits that a fuzzer could only guess.
    must(reading.finding != Batv::Finding::kValid);
  } else {
    must(reading.finding == Batv::Finding::kValid && reading.address == address);
    must(tagged.rfind('@') <= 64);
  }
  must(reading.address.size() <= tagged.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_address(text);
  check_address(text + "@example.org");
  check_address("prvs=" + text + "@example.net");
  try {
    const Batv batv = Batv::parse(text, "fuzz");
    must(batv.keys() >= 1 && batv.keys() <= 10 && batv.domains() <= size);
  } catch (const BadInput& error) {
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    must(error.diagnostics().size() == 1);
    must(error.diagnostics()[0].line <= lines);
    must(error.diagnostics()[0].column <= size + 1);
  }
  return 0;
}
