// SPDX-License-Identifier: BSD-3-Clause
//
// Transport: one GET over HTTPS, with all that bounds it. It follows redirects only to the host and
// port that it was sent to, at most five of them, and never leaves HTTPS. What it brings is whole
// (the server's length was met) and no larger than asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace postern::cli {

// Nothing usable came; what() says why in one line.
class TransportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TransportLimits {
  std::chrono::seconds total{300};
  std::chrono::seconds stall{30};  // without a byte, connecting included
  std::string ca_file;             // PEM, in place of the system's; empty: the system's
};

struct GetRequest {
  std::string url;
  uint64_t max_bytes;
  std::string pin = {};   // "sha256//BASE64" of the host's public key; empty: any that is certified
  std::string etag = {};  // both empty: unconditional
  std::string last_modified = {};
};

struct GetResponse {
  bool not_modified = false;  // 304; there is no body
  std::string body;
  std::string etag;                    // as sent; empty: none
  std::string last_modified;           // likewise
  std::optional<int64_t> modified_at;  // the same in Unix seconds
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Throws TransportError, for any status but 200 and (when asked conditionally) 304 too.
  virtual GetResponse get(const GetRequest& request) = 0;
};

}  // namespace postern::cli
