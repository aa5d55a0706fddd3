// SPDX-License-Identifier: BSD-3-Clause
//
// packet_seeds DIRECTORY: writes the seeds of the fuzz target `packet`, a few frames of the corpus
// for each reason, with the leading byte that the target wants.
#include <cctype>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string>

#include "tests/packets/corpus.h"

int main(int count, char** words) {
  using namespace postern;
  if (count != 2) {
    std::fprintf(stderr, "usage: packet_seeds DIRECTORY\n");
    return 2;
  }
  constexpr int kPerReason = 3;
  std::map<Reason, int> written;
  for (const auto& c : packets::corpus()) {
    if (++written[c.reason] > kPerReason) continue;
    std::string name;
    for (const char letter : c.name)
      if (std::isalnum(static_cast<unsigned char>(letter)))
        name += letter;
      else if (!name.ends_with('-'))
        name += '-';
    std::ofstream file(std::string(words[1]) + "/" + name, std::ios::binary);
    file.put(static_cast<char>((c.port == PS_PORT_MX ? 1 : 0) | (c.with_rules ? 0 : 2)));
    file.write(reinterpret_cast<const char*>(c.frame.data()),
               static_cast<std::streamsize>(c.frame.size()));
    if (!file.flush()) {
      std::fprintf(stderr, "%s/%s: cannot be written\n", words[1], name.c_str());
      return 1;
    }
  }
  return 0;
}
