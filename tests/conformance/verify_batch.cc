// SPDX-License-Identifier: BSD-3-Clause
//
// verify_batch ZONEFILE: runs many messages through authentication in one process, for tests that
// compare thousands of them with other verifiers. Standard input is a sequence of frames, each a
// line "TIME CHUNK LENGTH" and LENGTH octets of a message with CRLF line ends: it is verified at
// the Unix time TIME and fed in pieces of CHUNK octets (0: at once). For each frame one line of
// JSON comes out, as `postern verify -j` prints it. Exit status: 1 when the input is bad, 2 wrong
// usage.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "control/auth/auth_result_json.h"
#include "control/auth/authenticate.h"
#include "control/dns/master_file_resolver.h"
#include "rules/text/diagnostic.h"

namespace {

using postern::auth::Authenticator;
using postern::auth::AuthResult;

AuthResult verify(std::string_view message, size_t chunk, int64_t now,
                  postern::dns::Resolver& resolver) {
  Authenticator authenticator;
  if (chunk == 0) chunk = message.size();
  while (!message.empty()) {
    const auto piece = message.substr(0, chunk);
    authenticator.update(piece);
    message.remove_prefix(piece.size());
  }
  postern::auth::Envelope envelope;
  envelope.now = now;
  boost::asio::io_context loop(1);
  AuthResult result;
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, authenticator.finish(envelope, resolver),
                        [&](std::exception_ptr error, AuthResult value) {
                          failure = error;
                          result = std::move(value);
                        });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: verify_batch ZONEFILE\n";
    return 2;
  }
  std::ios::sync_with_stdio(false);
  try {
    postern::dns::MasterFileResolver resolver(postern::dns::MasterFile::load(argv[1]));
    int64_t time = 0;
    size_t chunk = 0;
    size_t length = 0;
    while (std::cin >> time >> chunk >> length) {
      std::string message(length, '\0');
      if (std::cin.get() != '\n' ||
          !std::cin.read(message.data(), static_cast<std::streamsize>(length))) {
        std::cerr << "verify_batch: a frame is cut off\n";
        return 1;
      }
      std::cout << boost::json::serialize(
                       postern::auth::to_json(verify(message, chunk, time, resolver)))
                << '\n';
    }
    std::cout.flush();
    if (!std::cin.eof()) {
      std::cerr << "verify_batch: a frame does not begin with three numbers\n";
      return 1;
    }
  } catch (const postern::BadInput& error) {
    for (const auto& diagnostic : error.diagnostics()) std::cerr << diagnostic.to_string() << '\n';
    return 1;
  }
  return 0;
}
