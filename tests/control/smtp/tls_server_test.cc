// SPDX-License-Identifier: BSD-3-Clause
//
// Which certificate a client gets, over a pair of sockets, and what is said about files that are no
// certificates and keys.
#include "control/smtp/tls_server.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/control/smtp/certificate.h"

namespace postern::smtp {
namespace {

TlsServer::Pair pair_for(const std::string& host) {
  const auto made = test::make_certificate(host);
  return {made.certificate, made.key, host + ".crt", host + ".key"};
}

// The common name of the certificate that is shown to a client who asks for `name`; "" without a
// handshake. version: the highest that the client knows.
std::string shown(const TlsServer& server, const char* name, int version = TLS1_3_VERSION) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return "no sockets";
  const std::unique_ptr<SSL_CTX, SslFree> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  const UniqueSsl client(SSL_new(context.get())), session = server.new_session(ends[0]);
  SSL_set_fd(client.get(), ends[1]);
  if (name != nullptr) SSL_set_tlsext_host_name(client.get(), name);
  SSL_set_connect_state(client.get());
  for (const int end : ends) {
    const timeval soon{0, 1000};
    ::setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  }
  bool done = false;
  for (int turn = 0; turn < 50 && !done; turn++) {
    const int theirs = SSL_do_handshake(client.get()), ours = SSL_do_handshake(session.get());
    done = theirs == 1 && ours == 1;
  }
  std::string found;
  if (const auto* certificate = SSL_get0_peer_certificate(client.get()); done && certificate) {
    char text[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                              sizeof text);
    found = text;
  }
  for (const int end : ends) ::close(end);
  return found;
}

std::string complaint(const TlsServer::Pair& pair) {
  try {
    const TlsServer server({pair});
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(TlsServer, TheNameChoosesTheCertificate) {
  const TlsServer server(
      {pair_for("mx.example"), pair_for("mx.two.example"), pair_for("*.three.example")});
  EXPECT_EQ(shown(server, "mx.example"), "mx.example");
  EXPECT_EQ(shown(server, "mx.two.example"), "mx.two.example");
  EXPECT_EQ(shown(server, "MX.TWO.example"), "mx.two.example");
  EXPECT_EQ(shown(server, "any.three.example"), "*.three.example");
  EXPECT_EQ(shown(server, "mx.two.example", TLS1_2_VERSION), "mx.two.example");
  // No name, or one that we do not have: the first.
  EXPECT_EQ(shown(server, nullptr), "mx.example");
  EXPECT_EQ(shown(server, "elsewhere.example"), "mx.example");
}

TEST(TlsServer, NothingBelowTls12) {
  const TlsServer server({pair_for("mx.example")});
  EXPECT_EQ(shown(server, nullptr, TLS1_1_VERSION), "");
}

TEST(TlsServer, AChainIsSentWhole) {
  auto pair = pair_for("mx.example");
  pair.certificate += test::make_certificate("issuer.example").certificate;
  EXPECT_EQ(complaint(pair), "");
  pair.certificate += "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_TRUE(complaint(pair).starts_with("mx.example.crt: ")) << complaint(pair);
}

TEST(TlsServer, SaysWhichFileIsNoGood) {
  auto pair = pair_for("mx.example");
  pair.certificate = "nothing of the kind\n";
  EXPECT_TRUE(complaint(pair).starts_with("mx.example.crt: ")) << complaint(pair);
  pair = pair_for("mx.example");
  pair.key = "";
  EXPECT_TRUE(complaint(pair).starts_with("mx.example.key: ")) << complaint(pair);
  pair.key = pair_for("other.example").key;
  EXPECT_TRUE(complaint(pair).starts_with("mx.example.key: ")) << complaint(pair);
  EXPECT_THROW(TlsServer({}), std::runtime_error);
}

}  // namespace
}  // namespace postern::smtp
