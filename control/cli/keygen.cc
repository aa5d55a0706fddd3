// SPDX-License-Identifier: BSD-3-Clause
//
// `postern keygen`: a new DKIM key. The private half goes into a file that is new and that nobody
// else may read; the record with the public half is printed as master files want it (RFC 1035
// §5.1), in strings of at most 255 octets.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iostream>
#include <string>

#include "control/auth/dkim_private_key.h"
#include "control/auth/tag_list.h"
#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/dns/domain_name.h"
#include "rules/text/diagnostic.h"

namespace postern::cli {
namespace {

using auth::DkimPrivateKey;

constexpr unsigned kLeastBits = 1024;    // RFC 8301 §3.2
constexpr unsigned kAdvisedBits = 2048;  // ibid.
constexpr unsigned kMostBits = 4096;     // ibid.: what verifiers have to try
constexpr unsigned kLargestBits = 16384;
constexpr size_t kMaxString = 255;  // RFC 1035 §3.3

void declare(OptionSet& options) {
  options.add_operand("DOMAIN");
  options.add_operand("SELECTOR");
  options.add_text("type", "T", "rsa (default) or ed25519");
  options.add_text("bits", "N", "of an RSA key, from 1024 (default 2048)");
  options.add_text("output,o", "FILE",
                   "where the key goes (default SELECTOR._domainkey.DOMAIN.pem)");
}

unsigned bits_of(const Invocation& invocation) {
  const auto text = invocation.text("bits");
  if (!text) return kAdvisedBits;
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), bits);
  if (error != std::errc() || end != text->data() + text->size() || bits > kLargestBits)
    throw WrongUsage("'" + *text + "' is no number of bits from 1024 to 16384");
  if (bits < kLeastBits) throw WrongUsage("RFC 8301 forbids keys under 1024 bits");
  if (bits < kAdvisedBits) std::cerr << "postern keygen: warning: RFC 8301 advises 2048 bits\n";
  if (bits > kMostBits)
    std::cerr << "postern keygen: warning: many do not verify with more than 4096 bits\n";
  return bits;
}

DkimPrivateKey make_key(const Invocation& invocation) {
  const auto type = invocation.text("type").value_or("rsa");
  if (type == "rsa") return DkimPrivateKey::rsa(bits_of(invocation));
  if (type != "ed25519") throw WrongUsage("'" + type + "' is no type of key: rsa or ed25519");
  if (invocation.has("bits")) throw WrongUsage("an ed25519 key has no choice of --bits");
  return DkimPrivateKey::ed25519();
}

// Never over anything that is there. What was begun and cannot be finished is taken away again.
void write_key(const std::string& path, std::string_view pem) {
  const auto refuse = [&](int error) {
    throw BadInput(Diagnostic{
        .file = path, .message = std::string("cannot be written: ") + std::strerror(error)});
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) refuse(errno);
  int error = 0;
  while (!pem.empty() && error == 0) {
    const ssize_t written = ::write(file, pem.data(), pem.size());
    if (written >= 0)
      pem.remove_prefix(static_cast<size_t>(written));
    else if (errno != EINTR)
      error = errno;
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error == 0) return;
  ::unlink(path.c_str());
  refuse(error);
}

void print_record(const std::string& name, std::string_view record) {
  std::cout << name << ". IN TXT (";
  for (; !record.empty(); record.remove_prefix(std::min(record.size(), kMaxString)))
    std::cout << "\n    \"" << record.substr(0, kMaxString) << '"';
  std::cout << " )\n";
}

int run(const Invocation& invocation) {
  const auto domain_text = invocation.required("DOMAIN", "the domain");
  const auto selector_text = invocation.required("SELECTOR", "the selector");
  const auto domain = dns::to_a_labels(domain_text);
  if (!domain || domain->find('.') == std::string::npos)
    throw WrongUsage("'" + domain_text + "' is no domain");
  const auto selector = dns::to_a_labels(selector_text);
  if (!selector) throw WrongUsage("'" + selector_text + "' is no selector");
  const std::string name = *selector + "._domainkey." + *domain;
  if (name.size() > dns::kMaxNameLength) throw WrongUsage("selector and domain are too long");
  const std::string path = invocation.text("output").value_or(name + ".pem");

  const DkimPrivateKey key = make_key(invocation);
  const bool is_rsa = key.algorithm() == auth::Algorithm::kRsaSha256;
  const std::string record = std::string("v=DKIM1; k=") + (is_rsa ? "rsa" : "ed25519") +
                             "; h=sha256; p=" + auth::encode_base64(key.public_part());
  write_key(path, key.pem());
  if (invocation.json()) {
    std::cout << boost::json::serialize(boost::json::object{{"file", json_text(path)},
                                                            {"domain", *domain},
                                                            {"selector", *selector},
                                                            {"bits", key.bits()},
                                                            {"name", name},
                                                            {"record", record}})
              << '\n';
    return kFine;
  }
  std::cout << "; the private key is in " << printable(path) << "; in the key table:\n;   "
            << *domain << "  " << *selector << "  " << printable(path) << '\n';
  print_record(name, record);
  return kFine;
}

}  // namespace

const Command kKeygenCommand = {
    "keygen",
    "Makes a DKIM key and its DNS record",
    "DOMAIN SELECTOR [--type rsa|ed25519] [--bits N] [-o FILE]",
    "The private key goes into a new file of mode 0600; nothing is ever overwritten. The record "
    "is\n"
    "printed for a master file.\n",
    declare,
    run,
};

}  // namespace postern::cli
