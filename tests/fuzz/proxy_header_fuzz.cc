// SPDX-License-Identifier: BSD-3-Clause
//
// A PROXY header from a balancer. The first octet says how the rest is cut. What comes of the
// pieces must be what comes of the whole; what was read and is written again must be read as the
// same; and no octet behind the header is ever asked for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/smtp/proxy_header.h"

namespace {

using namespace postern::smtp;

void must(bool condition) {
  if (!condition) std::abort();
}

struct Reading {
  std::optional<ProxyHeader> header;
  bool broken = false;
  size_t taken = 0;
};

Reading read(std::string_view bytes, size_t piece) {
  ProxyHeaderReader reader;
  Reading reading;
  while (reader.wanted() > 0 && reading.taken < bytes.size()) {
    const auto next = bytes.substr(reading.taken, std::min(piece, reader.wanted()));
    reader.receive(next);
    reading.taken += next.size();
  }
  must(!(reader.header() && reader.broken()));
  reading.header = reader.header();
  reading.broken = reader.broken();
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(bytes, SIZE_MAX);
  const auto pieces = read(bytes, 1 + data[0]);
  must(whole.header == pieces.header && whole.broken == pieces.broken);
  if (!whole.header) return 0;
  must(whole.taken == pieces.taken);
  const auto written = write_proxy_header(whole.header->endpoints);
  const auto again = read(written, SIZE_MAX);
  must(again.header == whole.header && again.taken == written.size());
  return 0;
}
