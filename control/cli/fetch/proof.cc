// SPDX-License-Identifier: BSD-3-Clause
//
// Checksums and signatures by OpenSSL; see proof.h.
#include "control/cli/fetch/proof.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <stdexcept>
#include <vector>

namespace postern::cli {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct ChecksumLine {
  std::string hex;
  std::string_view name;  // empty: none
};

std::optional<ChecksumLine> read_checksum_line(std::string_view line) {
  constexpr size_t kDigits = 64;
  ChecksumLine read{std::string(line.substr(0, kDigits)), ""};
  if (read.hex.size() != kDigits ||
      !std::ranges::all_of(read.hex, [](unsigned char c) { return std::isxdigit(c) != 0; }))
    return std::nullopt;
  std::ranges::transform(read.hex, read.hex.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  auto rest = line.substr(kDigits);
  if (rest.empty()) return read;
  if (rest.size() < 3 || rest[0] != ' ' || (rest[1] != ' ' && rest[1] != '*')) return std::nullopt;
  read.name = rest.substr(2);
  return read;
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 cannot be computed");
  std::string hex;
  for (const unsigned char octet : digest) {
    hex += "0123456789abcdef"[octet >> 4];
    hex += "0123456789abcdef"[octet & 15];
  }
  return hex;
}

std::optional<std::string> why_not_checksum(std::string_view bytes, std::string_view checksums,
                                            std::string_view name) {
  std::vector<ChecksumLine> lines;
  while (!checksums.empty()) {
    auto line = checksums.substr(0, checksums.find('\n'));
    checksums.remove_prefix(std::min(checksums.size(), line.size() + 1));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) continue;
    const auto read = read_checksum_line(line);
    if (!read) return "the checksum file has a line that is not a SHA-256";
    lines.push_back(*read);
  }
  if (lines.empty()) return "the checksum file is empty";
  const auto named = std::ranges::find_if(
      lines, [&](const ChecksumLine& line) { return last_part(line.name) == name; });
  if (named == lines.end() && lines.size() > 1)
    return "the checksum file has no line for '" + std::string(name) + "'";
  const auto& expected = (named == lines.end() ? lines.front() : *named).hex;
  const auto found = sha256_hex(bytes);
  if (found == expected) return std::nullopt;
  return "its SHA-256 is " + found + ", not " + expected;
}

std::optional<std::string> why_not_signed(std::string_view bytes, std::string_view signature,
                                          std::string_view key_pem) {
  const std::unique_ptr<BIO, Free> bio(
      BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const std::unique_ptr<EVP_PKEY, Free> key(
      bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  std::optional<std::string> why;
  if (!key || !context) {
    why = "the key file has no public key in PEM";
  } else {
    const auto type = EVP_PKEY_get_base_id(key.get());
    const auto* digest = type == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
    if (type != EVP_PKEY_ED25519 && type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
      why = "the key is of another kind than Ed25519, RSA and ECDSA";
    else if (EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) != 1 ||
             EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(bytes),
                              bytes.size()) != 1)
      why = "its signature is not of the key";
  }
  ERR_clear_error();
  return why;
}

}  // namespace postern::cli
