// SPDX-License-Identifier: BSD-3-Clause
//
// sign_batch KEYTABLE: signs many messages in one process, for tests that give thousands of them to
// other verifiers. Standard input is a sequence of frames, each a line "TIME CHUNK LENGTH" and
// LENGTH octets of a message with CRLF line ends: it is signed at the Unix time TIME and fed in
// pieces of CHUNK octets (0: at once). For each frame a line "LENGTH" and LENGTH octets of
// DKIM-Signature fields come out. Exit status: 1 when the input is bad, 2 wrong usage.
#include <iostream>
#include <memory>
#include <string>

#include "control/auth/dkim_sign.h"
#include "rules/text/diagnostic.h"

int main(int argc, char** argv) {
  using namespace postern::auth;
  if (argc != 2) {
    std::cerr << "usage: sign_batch KEYTABLE\n";
    return 2;
  }
  std::ios::sync_with_stdio(false);
  try {
    SigningService service{.table =
                               std::make_shared<const SigningTable>(SigningTable::load(argv[1]))};
    int64_t time = 0;
    size_t chunk = 0;
    size_t length = 0;
    while (std::cin >> time >> chunk >> length) {
      std::string message(length, '\0');
      if (std::cin.get() != '\n' ||
          !std::cin.read(message.data(), static_cast<std::streamsize>(length))) {
        std::cerr << "sign_batch: a frame is cut off\n";
        return 1;
      }
      DkimSigner signer(service);
      const size_t piece = chunk == 0 ? length : chunk;
      for (size_t at = 0; at < length; at += piece)
        signer.update(std::string_view(message).substr(at, piece));
      const std::string fields = signer.finish(time).fields;
      std::cout << fields.size() << '\n' << fields;
    }
    std::cout.flush();
    if (!std::cin.eof()) {
      std::cerr << "sign_batch: a frame does not begin with three numbers\n";
      return 1;
    }
  } catch (const postern::BadInput& error) {
    for (const auto& diagnostic : error.diagnostics()) std::cerr << diagnostic.to_string() << '\n';
    return 1;
  }
  return 0;
}
