// SPDX-License-Identifier: BSD-3-Clause
//
// Reading DKIM-Signature fields. One function per tag that has rules of its own; each says what is
// wrong in the words of RFC 6376 §6.1.1 where the standard has words for it.
#include "control/auth/dkim_signature.h"

#include <algorithm>
#include <charconv>

#include "control/auth/tag_list.h"
#include "control/dns/domain_name.h"

namespace postern::auth {
namespace {

constexpr size_t kHashLength = 32;            // SHA-256
constexpr size_t kSignaturePrefixLength = 8;  // RFC 6008 §3
// l= has at most 76 digits, t= and x= at most 12 matter (RFC 6376 §3.5); more than 19 do not fit.
constexpr size_t kMaxDigits = 76;
constexpr size_t kMaxReported = 255;  // of what is repeated in reports

struct Reader {
  const TagList& tags;
  DkimSignatureReading reading;

  // Each of these returns false when the signature is of no use, with the reason stored.
  bool refuse(std::string reason, Result result = Result::kPermError) {
    reading.report.result = result;
    reading.report.reason = std::move(reason);
    return false;
  }

  // ---- what reports show, whether or not the rest is right
  void report() {
    const auto text = [&](std::string_view name) {
      const Tag* tag = tags.find(name);
      return tag == nullptr ? std::string()
                            : without_folding_space(tag->value).substr(0, kMaxReported);
    };
    reading.report.domain = text("d");
    if (auto domain = dns::to_a_labels(reading.report.domain)) reading.report.domain = *domain;
    reading.report.selector = text("s");
    reading.report.identity = text("i");
    if (reading.report.identity.empty()) reading.report.identity = '@' + reading.report.domain;
    reading.report.algorithm = dns::ascii_lower(text("a"));
    reading.report.signature_prefix = text("b").substr(0, kSignaturePrefixLength);
  }

  bool read() {
    if (!tags.error.empty()) return refuse("signature syntax error: " + tags.error);
    for (const char* name : {"v", "a", "b", "bh", "d", "h", "s"}) {
      if (tags.find(name) == nullptr) {
        return refuse(std::string("signature missing required tag ") + name + "=");
      }
    }
    DkimSignature& signature = reading.signature.emplace();
    return read_version() && read_algorithm(signature) && read_canonicalization(signature) &&
           read_domain(signature) && read_identity(signature) && read_fields(signature) &&
           read_query_methods() && read_times(signature) && read_body_length(signature) &&
           read_hashes(signature);
  }

  std::string value(std::string_view name) const { return std::string(tags.find(name)->value); }

  bool read_version() { return value("v") == "1" || refuse("incompatible version: v= is not 1"); }

  bool read_algorithm(DkimSignature& signature) {
    const std::string algorithm = dns::ascii_lower(value("a"));
    if (algorithm == "rsa-sha256") {
      signature.algorithm = Algorithm::kRsaSha256;
    } else if (algorithm == "ed25519-sha256") {
      signature.algorithm = Algorithm::kEd25519Sha256;
    } else if (algorithm == "rsa-sha1") {
      return refuse("rsa-sha1 is not accepted (RFC 8301)", Result::kPolicy);
    } else {
      return refuse("unsupported algorithm: a=" + algorithm.substr(0, 32));
    }
    return true;
  }

  bool read_canonicalization(DkimSignature& signature) {
    const Tag* tag = tags.find("c");
    if (tag == nullptr) return true;
    const std::string text = dns::ascii_lower(tag->value);
    const auto slash = text.find('/');
    const auto parse = [](std::string_view name, Canonicalization& result) {
      result = name == "relaxed" ? Canonicalization::kRelaxed : Canonicalization::kSimple;
      return name == "relaxed" || name == "simple";
    };
    const std::string body = slash == std::string::npos ? "simple" : text.substr(slash + 1);
    return (parse(text.substr(0, slash), signature.header) && parse(body, signature.body)) ||
           refuse("unsupported canonicalization: c=" + text.substr(0, 32));
  }

  bool read_domain(DkimSignature& signature) {
    const auto domain = dns::to_a_labels(value("d"));
    // A domain-name has at least two labels (RFC 6376 §3.5, from RFC 5321).
    if (!domain || domain->find('.') == std::string::npos || value("d").ends_with('.')) {
      return refuse("signature syntax error: d= is not a domain");
    }
    const auto selector = dns::to_a_labels(value("s"));
    if (!selector || value("s").ends_with('.')) {
      return refuse("signature syntax error: s= is not a selector");
    }
    signature.domain = *domain;
    signature.selector = *selector;
    reading.report.domain = *domain;
    reading.report.selector = *selector;
    if (signature.key_name().size() > dns::kMaxNameLength) {
      return refuse("signature syntax error: d= and s= are too long for a name");
    }
    return true;
  }

  // [local part] "@" domain, in DKIM quoted-printable; only the domain matters here.
  bool read_identity(DkimSignature& signature) {
    const Tag* tag = tags.find("i");
    if (tag == nullptr) {
      signature.identity_domain = signature.domain;
      return true;
    }
    const std::string identity = without_folding_space(tag->value);
    const auto at = identity.rfind('@');
    const auto domain = at == std::string::npos
                            ? std::nullopt
                            : dns::to_a_labels(std::string_view(identity).substr(at + 1));
    if (!domain) return refuse("signature syntax error: i= is not an identity");
    if (!dns::is_within(*domain, signature.domain)) {
      return refuse("domain mismatch: i= is not within d=");
    }
    signature.identity_domain = *domain;
    return true;
  }

  bool read_fields(DkimSignature& signature) {
    const auto parts = split_colons(tags.find("h")->value);
    if (parts.size() > kMaxSignedFields) {
      return refuse("h= names more than " + std::to_string(kMaxSignedFields) + " fields",
                    Result::kPolicy);
    }
    for (const auto part : parts) {
      const bool is_name = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
        return c > ' ' && c < 0x7f;  // a colon or a semicolon cannot be in it any more
      });
      if (!is_name) return refuse("signature syntax error: h= is not a list of field names");
      signature.signed_fields.push_back(dns::ascii_lower(part));
    }
    const auto& names = signature.signed_fields;
    return std::find(names.begin(), names.end(), "from") != names.end() ||
           refuse("From field not signed");
  }

  bool read_query_methods() {
    const Tag* tag = tags.find("q");
    if (tag == nullptr) return true;
    const auto methods = split_colons(tag->value);
    return std::any_of(methods.begin(), methods.end(),
                       [](std::string_view method) {
                         return dns::equals_ignoring_case(method, "dns/txt");
                       }) ||
           refuse("unsupported query method in q=");
  }

  // Digits only. What does not fit is as large as it gets: a time or a length that is never
  // reached.
  static std::optional<int64_t> number(std::string_view text) {
    if (text.empty() || text.size() > kMaxDigits) return std::nullopt;
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      return std::nullopt;
    }
    int64_t result = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    return error == std::errc() ? result : INT64_MAX;
  }

  bool read_number(const char* name, std::optional<int64_t>& result) {
    const Tag* tag = tags.find(name);
    if (tag == nullptr) return true;
    result = number(tag->value);
    return result || refuse(std::string("signature syntax error: ") + name + "= is not a number");
  }

  bool read_times(DkimSignature& signature) {
    if (!read_number("t", signature.signed_at) || !read_number("x", signature.expires_at)) {
      return false;
    }
    if (signature.signed_at && signature.expires_at &&
        *signature.expires_at <= *signature.signed_at) {
      return refuse("signature syntax error: x= is not later than t=");
    }
    return true;
  }

  bool read_body_length(DkimSignature& signature) {
    std::optional<int64_t> length;
    if (!read_number("l", length)) return false;
    if (length) signature.body_length = static_cast<uint64_t>(*length);
    return true;
  }

  bool read_hashes(DkimSignature& signature) {
    const Tag* b = tags.find("b");
    auto octets = decode_base64(b->value);
    if (!octets || octets->empty()) return refuse("signature syntax error: b= is not base64");
    signature.signature = std::move(*octets);
    signature.signature_begin = b->value_begin;
    signature.signature_end = b->value_end;
    octets = decode_base64(tags.find("bh")->value);
    if (!octets || octets->size() != kHashLength) {
      return refuse("signature syntax error: bh= is not a SHA-256 hash in base64");
    }
    signature.body_hash = std::move(*octets);
    return true;
  }
};

}  // namespace

std::string DkimSignature::key_name() const {
  return selector + "._domainkey." + domain;
}

DkimSignatureReading read_dkim_signature(std::string_view body) {
  const TagList tags = parse_tag_list(body);
  Reader reader{tags, {}};
  reader.report();
  if (!reader.read()) reader.reading.signature.reset();
  return std::move(reader.reading);
}

}  // namespace postern::auth
