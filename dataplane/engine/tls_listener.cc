// SPDX-License-Identifier: BSD-3-Clause
//
// Setting up TLS, and reading names from certificates (dataplane/engine/tls_listener.h).
#include "dataplane/engine/tls_listener.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/json/array.hpp>
#include <charconv>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "rules/text/json_text.h"

namespace postern {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

[[noreturn]] void refuse(const std::string& option, const std::string& value,
                         const std::string& why) {
  throw std::runtime_error(option + " " + value + ": " + why);
}

Tcp::endpoint endpoint_of(const std::string& text) {
  const auto colon = text.rfind(':');
  auto host = text.substr(0, std::min(colon, text.size()));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code bad;
  const auto address = asio::ip::make_address(host, bad);
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const char* digits = colon == std::string::npos ? end : text.data() + colon + 1;
  const auto [last, error] = std::from_chars(digits, end, port);
  if (bad || error != std::errc() || last != end)
    refuse("--api-listen", text,
           "is not ADDRESS:PORT, such as 192.0.2.1:8443 or [2001:db8::1]:8443");
  return {address, port};
}

// What OpenSSL complained of last, and nothing of it left behind.
std::string openssl_error() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  const std::string error = text ? text : "cannot be used";
  ERR_clear_error();
  return error;
}

void check_key(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && (facts.st_mode & S_IROTH) != 0)
    refuse("--api-key", path, "everybody may read it; chmod o-r");
}

asio::ssl::context context_for(const ApiSettings& settings) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  auto* raw = context.native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // Who a client is, is seen in its handshake: no session is taken up again.
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(raw, settings.certificate.c_str()) != 1)
    refuse("--api-cert", settings.certificate, openssl_error());
  check_key(settings.key);
  if (SSL_CTX_use_PrivateKey_file(raw, settings.key.c_str(), SSL_FILETYPE_PEM) != 1)
    refuse("--api-key", settings.key, openssl_error());
  if (SSL_CTX_load_verify_file(raw, settings.authority.c_str()) != 1)
    refuse("--api-ca", settings.authority, openssl_error());
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

Tcp::acceptor listen(asio::io_context& loop, const std::string& where) {
  const auto endpoint = endpoint_of(where);
  Tcp::acceptor acceptor(loop, endpoint.protocol());
  boost::system::error_code error;
  acceptor.set_option(Tcp::acceptor::reuse_address(true));
  if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true));
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse("--api-listen", where, error.message());
  return acceptor;
}

std::string text_of(const ASN1_STRING* string) {
  unsigned char* bytes = nullptr;
  const int length = ASN1_STRING_to_UTF8(&bytes, string);
  if (length < 0) return {};
  const std::string text(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
  OPENSSL_free(bytes);
  return text;
}

// RFC 4514.
std::string subject_of(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!memory) return {};
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const auto length = BIO_get_mem_data(memory.get(), &bytes);
  return length > 0 ? std::string(bytes, static_cast<size_t>(length)) : std::string();
}

// Common names of the subject, and alternative names: whole, with whatever bytes are in them.
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const auto* subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    names.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> others(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; others && i < sk_GENERAL_NAME_num(others.get()); i++) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(others.get(), i), &type);
    if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI)
      names.push_back(text_of(static_cast<const ASN1_STRING*>(value)));
  }
  return names;
}

}  // namespace

TlsListener::TlsListener(asio::io_context& loop, const ApiSettings& settings)
    : context_(context_for(settings)),
      acceptor_(listen(loop, settings.listen)),
      operators_(settings.operator_names) {}

Caller TlsListener::caller_of(SSL* connection, const Tcp::endpoint& peer) const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(connection), X509_free);
  if (!certificate) return {};
  Caller caller{Role::kReader, {}, {}};
  boost::json::array names;
  for (const auto& name : names_of(certificate.get())) {
    names.push_back(boost::json::string(json_text(name)));
    if (std::ranges::find(operators_, name) != operators_.end()) caller.role = Role::kOperator;
  }
  std::ostringstream from;
  from << peer;
  const auto subject = json_text(subject_of(certificate.get()));
  caller.name = subject + " (" + from.str() + ")";
  caller.identity = {
      {"certificate", subject}, {"names", std::move(names)}, {"address", from.str()}};
  return caller;
}

}  // namespace postern
