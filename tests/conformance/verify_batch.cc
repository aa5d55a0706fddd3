// SPDX-License-Identifier: BSD-3-Clause
//
// verify_batch ZONEFILE: runs many messages through authentication in one process, for tests that
// compare thousands of them with other verifiers. Standard input is a sequence of frames, each a
// line "TIME CHUNK LENGTH" and LENGTH octets of a message with CRLF line ends: it is verified at
// the Unix time TIME and fed in pieces of CHUNK octets (0: at once). For each frame one line of
// JSON comes out, as `postern verify -j` prints it. Exit status: 1 when the input is bad, 2 wrong
// usage.
#include <boost/json/serialize.hpp>
#include <iostream>
#include <string>

#include "control/auth/auth_result_json.h"
#include "control/dns/master_file_resolver.h"
#include "rules/text/diagnostic.h"
#include "tests/control/auth/run.h"

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
      std::cout << boost::json::serialize(postern::auth::to_json(postern::auth::authenticate(
                       message, resolver, postern::auth::at_time(time), chunk)))
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
