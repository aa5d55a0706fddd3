// SPDX-License-Identifier: BSD-3-Clause
//
// Proof: whether what was fetched is what its publisher meant, by a checksum file or by a detached
// signature. Each function says in one line why it is not, or nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::cli {

// In lower case hexadecimal.
std::string sha256_hex(std::string_view bytes);

// checksums: a SHA-256 in hexadecimal alone, or lines of `sha256sum`, of which the one with that
// name counts, or the only one.
std::optional<std::string> why_not_checksum(std::string_view bytes, std::string_view checksums,
                                            std::string_view name);

// key_pem: a public key. signature: as it is, not in base64: for an Ed25519 key the 64 bytes over
// the file; for RSA (PKCS #1 v1.5) and ECDSA keys the one over its SHA-256, as `openssl dgst
// -sha256 -sign` makes it.
std::optional<std::string> why_not_signed(std::string_view bytes, std::string_view signature,
                                          std::string_view key_pem);

}  // namespace postern::cli
