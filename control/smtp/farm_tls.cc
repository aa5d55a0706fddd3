// SPDX-License-Identifier: BSD-3-Clause
//
// OpenSSL hands out sessions when they are ready, with TLS 1.3 some time after the handshake.
#include "control/smtp/farm_tls.h"

#include <openssl/x509v3.h>

#include <stdexcept>

#include "rules/address/address.h"

namespace postern::smtp {

namespace asio = boost::asio;

namespace {

// The application data of an SSL belong to Asio.
int slot_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* slot = static_cast<TlsSessionSlot*>(SSL_get_ex_data(ssl, slot_index()));
  if (slot == nullptr || SSL_SESSION_is_resumable(session) == 0) return 0;
  slot->put(session);
  return 1;
}

}  // namespace

FarmTls::FarmTls(const std::string& ca_file) : context_(asio::ssl::context::tls_client) {
  boost::system::error_code error;
  if (ca_file.empty())
    context_.set_default_verify_paths(error);
  else
    context_.load_verify_file(ca_file, error);
  if (error)
    throw std::runtime_error((ca_file.empty() ? "the system's authorities" : ca_file) + ": " +
                             error.message());
  SSL_CTX* native = context_.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(native, keep_session);
}

bool FarmTls::prepare(SSL* ssl, const Backend& backend, TlsSessionSlot& slot) {
  if (SSL_set_ex_data(ssl, slot_index(), &slot) != 1) return false;
  // What does not fit any more is a handshake in full, no failure.
  if (slot.get() != nullptr) SSL_set_session(ssl, slot.get());
  const std::string& name = backend.tls_name.empty() ? backend.host : backend.tls_name;
  const bool is_address = IpAddress::parse(name).has_value();
  if (!is_address && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) return false;
  if (backend.tls != TlsUse::kVerify) return true;
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, name.c_str()) == 1;
}

}  // namespace postern::smtp
