// SPDX-License-Identifier: BSD-3-Clause
//
// The milter protocol from strangers. The first octet says what is tried, the second how the rest
// is cut. A session: what comes of the pieces must be what comes of the whole, and what leaves is
// whole packets of letters that the protocol has. A header: what a mail server is told to remove
// leaves no field that claims to be ours, and a field is the same after it went to the server and
// back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/authentication_results.h"
#include "control/auth/header_fields.h"
#include "control/dns/domain_name.h"
#include "control/milter/forged_results.h"
#include "control/milter/message_text.h"
#include "control/milter/packet.h"
#include "tests/control/milter/filter_trace.h"
#include "tests/control/milter/server_words.h"

namespace {

using namespace postern::milter;

void must(bool condition) {
  if (!condition) std::abort();
}

std::vector<size_t> cuts_of(std::string_view bytes, uint8_t seed) {
  std::vector<size_t> cuts;
  const size_t step = 1 + seed % 17;
  for (size_t at = seed / 17; at < bytes.size(); at += step) cuts.push_back(at);
  return cuts;
}

void check_session(std::string_view bytes, uint8_t seed) {
  const auto whole = test::trace_of(bytes);
  must(whole == test::trace_of(bytes, cuts_of(bytes, seed)));
  PacketReader reader;
  reader.receive(whole.output);
  size_t length = 0;
  while (const auto answer = reader.next()) {
    must(std::string_view("acimOpqsty").find(answer->letter) != std::string_view::npos);
    // A reply is lines of SMTP, and then a NUL.
    if (answer->letter == 'y')
      must(answer->data.ends_with('\0') && answer->data.find('\0') == answer->data.size() - 1);
    length += 5 + answer->data.size();
  }
  must(!reader.broken() && length == whole.output.size());
}

void check_header(std::string_view bytes) {
  constexpr std::string_view kId = "mx.example";
  ForgedResults forged{std::string(kId)};
  std::vector<std::pair<std::string, std::string>> fields;  // name, whole field
  for (const auto& field : postern::auth::split_header_fields(bytes)) {
    if (field.raw.find(':') == std::string_view::npos) continue;
    const std::string name(field.raw.substr(0, field.raw.find(':')));
    const std::string value(field.raw.substr(name.size() + 1));
    const auto sent = value_for_server(value, true);
    if (value.find('\n') == std::string::npos)
      must(field_on_the_wire(name, sent, true) == std::string(field.raw) + "\r\n");
    fields.emplace_back(name, field_on_the_wire(name, sent, true));
    forged.add(name, fields.back().second);
  }
  if (forged.overflowed()) return;
  // As a mail server does it: from the last place on, the so-and-so-manieth of that name.
  const auto& places = forged.places();
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    uint32_t number = 0;
    for (auto field = fields.begin(); field != fields.end(); ++field) {
      if (!postern::dns::equals_ignoring_case(field->first, place->name)) continue;
      if (++number < place->index) continue;
      fields.erase(field);
      break;
    }
  }
  for (const auto& [name, field] : fields) must(!postern::auth::claims_our_results(field, kId));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 4 != 0)
    check_session(data[0] % 4 == 1 ? bytes : test::negotiation() + std::string(bytes), data[1]);
  else
    check_header(bytes);
  return 0;
}
