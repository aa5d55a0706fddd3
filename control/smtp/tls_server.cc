// SPDX-License-Identifier: BSD-3-Clause
//
// TLS 1.2 and later. Buffers are given back while a session is idle: most are, and there are many.
#include "control/smtp/tls_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace postern::smtp {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

[[noreturn]] void refuse(const std::string& name, const std::string& otherwise) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  throw std::runtime_error(name + ": " + (reason == nullptr ? otherwise : reason));
}

Bio reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free_all};
}

// Keys with a password have nobody to ask for it.
int no_password(char*, int, int, void*) {
  return -1;
}

void use_chain(SSL_CTX* context, const TlsServer::Pair& pair) {
  const Bio bio = reader(pair.certificate);
  const Certificate own(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_password, nullptr), X509_free);
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
    refuse(pair.certificate_name, "no certificate");
  for (;;) {
    Certificate issuer(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr), X509_free);
    if (!issuer) break;
    if (SSL_CTX_add0_chain_cert(context, issuer.get()) != 1)
      refuse(pair.certificate_name, "not a chain of certificates");
    static_cast<void>(issuer.release());  // the context's now
  }
  // The end of the text is no error; anything else in it is.
  const unsigned long code = ERR_peek_last_error();
  if (code != 0 && ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
    refuse(pair.certificate_name, "not a chain of certificates");
  ERR_clear_error();
}

void use_key(SSL_CTX* context, const TlsServer::Pair& pair) {
  const Bio bio = reader(pair.key);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    refuse(pair.key_name, "no private key");
}

}  // namespace

TlsServer::TlsServer(const std::vector<Pair>& pairs) {
  ERR_clear_error();
  for (const Pair& pair : pairs) {
    auto& context = contexts_.emplace_back(SSL_CTX_new(TLS_server_method()));
    if (!context) throw std::runtime_error("no memory for TLS");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    use_chain(context.get(), pair);
    use_key(context.get(), pair);
  }
  if (contexts_.empty()) throw std::runtime_error("TLS without a certificate");
  SSL_CTX_set_tlsext_servername_callback(contexts_.front().get(), &TlsServer::choose);
  SSL_CTX_set_tlsext_servername_arg(contexts_.front().get(), this);
}

// RFC 6066 §3 lets a server go on with a name that it does not know: mail is better sent under the
// wrong name than in plain, and who cares verifies.
int TlsServer::choose(SSL* ssl, int*, void* self) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const auto& context : static_cast<const TlsServer*>(self)->contexts_) {
    X509* certificate = SSL_CTX_get0_certificate(context.get());
    if (X509_check_host(certificate, name, 0, 0, nullptr) != 1) continue;
    SSL_set_SSL_CTX(ssl, context.get());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

UniqueSsl TlsServer::new_session(int socket) const {
  UniqueSsl ssl(SSL_new(contexts_.front().get()));
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace postern::smtp
