// SPDX-License-Identifier: BSD-3-Clause
//
// Capture: the Ethernet frames of a capture file, one after the other, through libpcap. Both pcap
// and pcapng, with any resolution of time. Other link types than Ethernet are refused.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace postern::cli {

struct CapturedFrame {
  uint64_t number = 0;             // 1-based, as other tools number them
  int64_t time_ns = 0;             // since 1970
  std::span<const uint8_t> bytes;  // what was captured; valid until the next call of next()
  uint32_t wire_bytes = 0;         // as long as the frame was
  // The capture holds less of it than there was (a snap length).
  bool is_cut() const noexcept { return bytes.size() < wire_bytes; }
};

class Capture {
 public:
  // path "-": standard input. Throws BadInput.
  explicit Capture(const std::string& path);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // nullopt at the end. Throws BadInput when the file breaks off or lies.
  std::optional<CapturedFrame> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::cli
