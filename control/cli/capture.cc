// SPDX-License-Identifier: BSD-3-Clause
//
// Reading captures with libpcap; see capture.h.
#include "control/cli/capture.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>

#include "rules/text/diagnostic.h"

namespace postern::cli {
namespace {

[[noreturn]] void refuse(const std::string& file, std::string message) {
  // libpcap often begins with the name of the file, which the diagnostic says already.
  if (message.starts_with(file + ": ")) message.erase(0, file.size() + 2);
  Diagnostic diagnostic;
  diagnostic.file = file == "-" ? "(standard input)" : file;
  diagnostic.message = std::move(message);
  throw BadInput(diagnostic);
}

}  // namespace

struct Capture::State {
  std::string file;
  pcap_t* handle = nullptr;
  uint64_t number = 0;

  ~State() {
    if (handle) pcap_close(handle);
  }
};

Capture::Capture(const std::string& path) : state_(std::make_unique<State>()) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  state_->file = path;
  state_->handle = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO,
                                                           error.data());
  if (!state_->handle) refuse(path, error.data());
  const int link_type = pcap_datalink(state_->handle);
  if (link_type != DLT_EN10MB) {
    const char* name = pcap_datalink_val_to_name(link_type);
    refuse(path, "is a capture of link type " +
                     (name ? std::string(name) : std::to_string(link_type)) +
                     "; only Ethernet (EN10MB) can be replayed");
  }
}

Capture::~Capture() = default;

std::optional<CapturedFrame> Capture::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int status = pcap_next_ex(state_->handle, &header, &bytes);
  if (status == PCAP_ERROR_BREAK) return std::nullopt;
  if (status != 1)
    refuse(state_->file, "breaks off after frame " + std::to_string(state_->number) + ": " +
                             pcap_geterr(state_->handle));
  CapturedFrame frame;
  frame.number = ++state_->number;
  // With nanosecond precision, tv_usec holds nanoseconds.
  frame.time_ns = static_cast<int64_t>(header->ts.tv_sec) * 1'000'000'000 + header->ts.tv_usec;
  frame.bytes = {bytes, header->caplen};
  frame.wire_bytes = std::max(header->len, header->caplen);
  return frame;
}

}  // namespace postern::cli
