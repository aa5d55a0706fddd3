// SPDX-License-Identifier: BSD-3-Clause
//
// SMTP from strangers. The first octet says who reads (the server's machine, the reader of the
// farm's replies, the header filter), the second how the rest is cut. What comes of the pieces must
// be what comes of the whole; text that was taken must come back the same when it is sent on;
// nothing that leaves the server's machine breaks a line of SMTP; and the field that we put on top
// of a message that is sent on ends where we ended it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/header_fields.h"
#include "control/smtp/data_reader.h"
#include "control/smtp/header_filter.h"
#include "control/smtp/reply.h"
#include "control/smtp/server_session.h"
#include "tests/control/smtp/session_trace.h"

namespace {

using namespace postern::smtp;

void must(bool condition) {
  if (!condition) std::abort();
}

std::vector<size_t> cuts_of(std::string_view bytes, uint8_t seed) {
  std::vector<size_t> cuts;
  const size_t step = 1 + seed % 17;
  for (size_t at = seed / 17; at < bytes.size(); at += step) cuts.push_back(at);
  return cuts;
}

void check_output(std::string_view output) {
  // Every line is a code, a separator and printable text, and ends with CRLF.
  while (!output.empty()) {
    const size_t end = output.find("\r\n");
    must(end != std::string_view::npos && end >= 4);
    const auto line = output.substr(0, end);
    must(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
    for (const char c : line) must(c >= ' ' && c <= '~');
    output.remove_prefix(end + 2);
  }
}

void check_server(std::string_view bytes, uint8_t seed) {
  ServerOptions options;
  options.name = "mx.example";
  options.starttls = true;
  options.max_command_line = 200;
  options.max_data_line = 100;
  options.max_recipients = 5;
  options.max_refused_recipients = 3;
  options.max_errors = 6;
  options.max_idle_commands = 10;
  options.max_messages = 4;
  // Larger than any input: at the limit, text is dropped by pieces.
  options.bare_line_ends = seed % 2 == 0 ? BareLineEnds::kRefuse : BareLineEnds::kNormalise;
  const Offer offer{.eight_bit_mime = true,
                    .enhanced_status_codes = true,
                    .utf8 = true,
                    .chunking = true,
                    .dsn = true,
                    .size = 1u << 24};
  const auto whole = trace_of(bytes, {}, options, offer);
  const auto pieces = trace_of(bytes, cuts_of(bytes, seed), options, offer);
  // Behind STARTTLS it depends on the cut whether bytes are refused or meet the handshake.
  const bool tls = whole.events.find("starttls") != std::string::npos ||
                   pieces.events.find("starttls") != std::string::npos;
  must(tls || whole == pieces);
  check_output(whole.output);
}

void check_text(std::string_view bytes, uint8_t seed) {
  DataReader reader(Framing::kDots, BareLineEnds::kRefuse, 1u << 24);
  std::string text;
  reader.consume(bytes, text);
  if (!reader.done() || reader.bare_line_end()) return;
  DotStuffer stuffer;
  std::string wire;
  const size_t cut = seed % (text.size() + 1);
  stuffer.update(std::string_view(text).substr(0, cut), wire);
  stuffer.update(std::string_view(text).substr(cut), wire);
  stuffer.finish(wire);
  DataReader again(Framing::kDots, BareLineEnds::kRefuse, 1u << 24);
  std::string back;
  must(again.consume(wire, back) == wire.size());
  must(again.done() && !again.bare_line_end() && back == text);
}

std::string replies_of(std::string_view bytes, const std::vector<size_t>& cuts) {
  ReplyReader reader;
  std::string all;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size(); i++) {
    const size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    reader.receive(bytes.substr(begin, end - begin));
    begin = end;
    while (auto reply = reader.next()) {
      must(!reply->lines.empty());
      all += reply->wire();
    }
  }
  return all + (reader.broken() ? "broken" : "");
}

std::string filtered(std::string_view bytes, const std::vector<size_t>& cuts) {
  HeaderFilter filter([](std::string_view field) { return field.starts_with("X"); });
  std::string kept;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    filter.update(bytes.substr(begin, cut - begin), kept);
    begin = cut;
  }
  filter.update(bytes.substr(begin), kept);
  filter.finish(kept);
  must(kept.size() <= bytes.size());
  must(filter.removed_count() > 0 || kept == bytes);
  if (filter.fault().empty()) {
    constexpr std::string_view kOurs = "Authentication-Results: mx.example; dkim=none";
    const std::string sent = std::string(kOurs) + "\r\n" + kept;
    must(postern::auth::split_header_fields(sent)[0].raw == kOurs);
  }
  return kept + std::string(filter.fault());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto cuts = cuts_of(bytes, data[1]);
  switch (data[0] % 4) {
    case 0:
      check_server(bytes, data[1]);
      break;
    case 1:
      check_text(bytes, data[1]);
      break;
    case 2:
      must(replies_of(bytes, {}) == replies_of(bytes, cuts));
      break;
    default:
      must(filtered(bytes, {}) == filtered(bytes, cuts));
  }
  return 0;
}
