// SPDX-License-Identifier: BSD-3-Clause
//
// Any octets as a message, signed twice: at once, and cut where the first octet says. The same
// signature comes out, and where there is one our verifier passes it.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "control/auth/dkim_sign.h"
#include "control/auth/dkim_verify.h"
#include "control/auth/tag_list.h"

namespace {

using namespace postern::auth;

void must(bool condition) {
  if (!condition) std::abort();
}

// A key of this run, and a table that signs for example.org in two ways with it.
struct Site {
  Site() : key(DkimPrivateKey::ed25519()) {
    std::string path = "/tmp/postern-fuzz-XXXXXX";
    const int file = ::mkstemp(path.data());
    const std::string pem = key.pem();
    must(file >= 0 && ::write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()));
    ::close(file);
    service.table = std::make_shared<const SigningTable>(SigningTable::load(
        parse_signing_rules(
            "example.org a " + path + "\nexample.org b " + path + " c=simple/simple", "fuzz"),
        "", "fuzz"));
    ::unlink(path.c_str());
    auto reading = read_dkim_key("v=DKIM1; k=ed25519; p=" + encode_base64(key.public_part()));
    must(reading.key.has_value());
    keys.keys.push_back(std::move(*reading.key));
  }
  DkimPrivateKey key;
  SigningService service;
  DkimKeys keys;
};

void check(std::string_view fields_on_top, std::string_view message, const Site& site) {
  const std::string whole = std::string(fields_on_top) + std::string(message);
  HeaderReader header;
  const size_t body_start = header.update(whole);
  header.finish();
  must(!header.overflowed());
  const FieldIndex index(header.fields());
  for (size_t place = 0; place < 2; place++) {
    const auto signature = read_dkim_signature(header.fields().at(place).body).signature;
    must(signature.has_value());
    BodyHashes hashes;
    const size_t number = hashes.add(signature->body, signature->body_length);
    hashes.update(std::string_view(whole).substr(body_start));
    hashes.finish();
    DkimResult result;
    check_body(*signature, hashes.result(number), result);
    verify_signature(*signature, place, index, hashes.result(number), site.keys, result);
    must(result.result == Result::kPass);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Site site;
  if (size == 0) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = std::min<size_t>(data[0], message.size());
  DkimSigner at_once(site.service);
  at_once.update(message);
  const auto made = at_once.finish(1'700'000'000);
  DkimSigner in_parts(site.service);
  in_parts.update(message.substr(0, cut));
  in_parts.update(message.substr(cut));
  must(in_parts.finish(1'700'000'000).fields == made.fields);
  must(made.fields.empty() != made.reason.empty());
  // Our fields on top may make a header too large that was not.
  if (!made.fields.empty() && message.size() < kMaxHeaderLength / 2)
    check(made.fields, message, site);
  return 0;
}
