// SPDX-License-Identifier: BSD-3-Clause
//
// Keys by OpenSSL. Nobody is ever asked for a passphrase: a daemon has no terminal.
#include "control/auth/dkim_private_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdexcept>

namespace postern::auth {
namespace {

using Bio = std::unique_ptr<BIO, void (*)(BIO*)>;

Bio owned(BIO* bio) {
  return Bio(bio, BIO_free_all);
}

int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

DkimPrivateKey::DkimPrivateKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {
  ERR_clear_error();  // whatever was noted on the way is told here
  if (!key_) throw std::runtime_error("is no private key in PEM");
  switch (EVP_PKEY_get_base_id(key_.get())) {
    case EVP_PKEY_RSA:
      algorithm_ = Algorithm::kRsaSha256;
      break;
    case EVP_PKEY_ED25519:
      algorithm_ = Algorithm::kEd25519Sha256;
      break;
    default:
      throw std::runtime_error("is neither an RSA nor an Ed25519 key");
  }
}

DkimPrivateKey DkimPrivateKey::rsa(unsigned bits) {
  EVP_PKEY* key = EVP_RSA_gen(bits);
  if (key == nullptr) throw std::runtime_error("OpenSSL cannot make an RSA key of that size");
  return DkimPrivateKey(key);
}

DkimPrivateKey DkimPrivateKey::ed25519() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) throw std::runtime_error("OpenSSL cannot make an Ed25519 key");
  return DkimPrivateKey(key);
}

DkimPrivateKey DkimPrivateKey::read_pem(std::string_view pem) {
  const Bio bio = owned(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  bool asked = false;
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked);
  if (key == nullptr && asked) {
    ERR_clear_error();
    throw std::runtime_error("has a passphrase, which nobody is there to give");
  }
  return DkimPrivateKey(key);
}

std::string DkimPrivateKey::pem() const {
  const Bio bio = owned(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
      1)
    throw std::runtime_error("OpenSSL cannot write the key");
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(length)};
}

int DkimPrivateKey::bits() const noexcept {
  return algorithm_ == Algorithm::kRsaSha256 ? EVP_PKEY_get_bits(key_.get()) : 256;
}

std::string DkimPrivateKey::public_part() const {
  if (algorithm_ == Algorithm::kEd25519Sha256) {
    std::string octets(32, '\0');
    size_t length = octets.size();
    if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(octets.data()),
                                    &length) != 1)
      throw std::runtime_error("OpenSSL cannot tell the public key");
    return octets;
  }
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key_.get(), &der);
  if (length < 0) throw std::runtime_error("OpenSSL cannot tell the public key");
  std::string octets(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return octets;
}

std::string DkimPrivateKey::sign(std::string_view hash) const {
  const auto* in = reinterpret_cast<const unsigned char*>(hash.data());
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  size_t length = signature.size();
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  bool is_fine = false;
  if (algorithm_ == Algorithm::kRsaSha256) {
    const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
        EVP_PKEY_CTX_new(key_.get(), nullptr), EVP_PKEY_CTX_free);
    is_fine = context && EVP_PKEY_sign_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
              EVP_PKEY_sign(context.get(), out, &length, in, hash.size()) == 1;
  } else {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
    is_fine = context &&
              EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
              EVP_DigestSign(context.get(), out, &length, in, hash.size()) == 1;
  }
  ERR_clear_error();
  if (!is_fine) throw std::runtime_error("OpenSSL cannot sign with the key");
  signature.resize(length);
  return signature;
}

}  // namespace postern::auth
