// SPDX-License-Identifier: BSD-3-Clause
//
// The field is written with an empty b= at its end, hashed as it stands, and then filled in: a
// verifier empties b= again and has the same octets.
#include "control/auth/dkim_sign.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/auth/author.h"
#include "control/auth/dkim_signature.h"
#include "control/auth/tag_list.h"
#include "rules/text/words.h"

namespace postern::auth {
namespace {

// RFC 6376 §5.4.1, the rest of what RFC 5322 and MIME say about who wrote what to whom, and RFC
// 8058 §4 (List-Unsubscribe-Post).
constexpr std::array<std::string_view, 31> kSignedFields = {
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "resent-date",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "resent-message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-id",
    "content-description",
    "content-disposition",
    "content-language",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
};

constexpr size_t kLineLength = 76;

std::string_view word(Canonicalization how) {
  return how == Canonicalization::kRelaxed ? "relaxed" : "simple";
}

// Writes a field that is folded where it may be.
class FoldingWriter {
 public:
  explicit FoldingWriter(std::string name) : text_(std::move(name)) {
    text_ += ':';
    column_ = text_.size();
  }

  // On this line where it fits, behind a blank or what is already there.
  void add(std::string_view piece, bool may_stick = false) {
    if (column_ + 1 + piece.size() > kLineLength) {
      text_ += "\r\n\t";
      column_ = 8;
    } else if (!may_stick) {
      text_ += ' ';
      column_++;
    }
    text_ += piece;
    column_ += piece.size();
  }
  // Cut anywhere; the first piece sticks to what is there.
  void add_base64(std::string_view text) {
    while (!text.empty()) {
      if (column_ >= kLineLength) {
        text_ += "\r\n\t";
        column_ = 8;
      }
      const auto piece = text.substr(0, kLineLength - column_);
      text_ += piece;
      column_ += piece.size();
      text.remove_prefix(piece.size());
    }
  }
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  size_t column_ = 0;
};

}  // namespace

void DkimSigner::update(std::string_view bytes) {
  if (!began_) {
    bytes.remove_prefix(header_.update(bytes));
    if (!header_.at_body()) return;
    begin_body();
  }
  if (!signatures_.empty()) hashes_.update(bytes);
}

void DkimSigner::begin_body() {
  began_ = true;
  header_.finish();
  if (header_.overflowed()) {
    result_.reason = "the header is too large";
    return;
  }
  const auto& fields = header_.fields();
  if (!fields.empty() && !fields.front().raw.empty() && is_blank(fields.front().raw.front())) {
    result_.reason = "the text begins with what would continue our field";
    return;
  }
  result_.author_domain = auth::author_domain(header_.fields());
  if (result_.author_domain.empty()) {
    result_.reason = "there is not exactly one author with a domain in From";
    return;
  }
  const auto* entries = table_->find(result_.author_domain);
  if (entries == nullptr) {
    result_.reason = "no key for " + result_.author_domain;
    return;
  }
  const FieldIndex index(header_.fields());
  for (const auto& entry : *entries) {
    Signature signature{
        .entry = &entry,
        .header = header_is_guessed_ ? Canonicalization::kRelaxed : entry.rule.header,
        .names = names_for(entry.rule, index)};
    if (signature.names.size() > kMaxSignedFields) {
      result_.reason = "more than " + std::to_string(kMaxSignedFields) + " fields to sign";
      signatures_.clear();
      return;
    }
    signature.body_hash = hashes_.add(entry.rule.body, std::nullopt);
    signatures_.push_back(std::move(signature));
  }
}

std::vector<std::string> DkimSigner::names_for(const SigningRule& rule,
                                               const FieldIndex& index) const {
  std::vector<std::string> names;
  const auto put = [&](const std::string& name) {
    const bool is_oversigned = std::ranges::find(rule.oversigned, name) != rule.oversigned.end();
    names.insert(names.end(), index.find(name).size() + (is_oversigned ? 1 : 0), name);
  };
  for (const auto name : kSignedFields) put(std::string(name));
  for (const auto& name : rule.oversigned)
    if (std::ranges::find(kSignedFields, name) == kSignedFields.end()) put(name);
  return names;
}

SigningResult DkimSigner::finish(int64_t now) {
  if (!began_) begin_body();
  if (!signatures_.empty()) {
    hashes_.finish();
    const FieldIndex index(header_.fields());
    for (const Signature& signature : signatures_) {
      result_.fields += sign(signature, index, now) + "\r\n";
      const SigningRule& rule = signature.entry->rule;
      result_.key_names.push_back(rule.selector + "._domainkey." + rule.domain);
    }
  }
  (result_.fields.empty() ? service_.unsigned_messages : service_.signed_messages)++;
  return std::move(result_);
}

std::string DkimSigner::sign(const Signature& signature, const FieldIndex& index, int64_t now) {
  const SigningRule& rule = signature.entry->rule;
  const DkimPrivateKey& key = *signature.entry->key;
  FoldingWriter field("DKIM-Signature");
  const auto tag = [&](const char* name, std::string value) {
    field.add(std::string(name) + '=' + value + ';');
  };
  tag("v", "1");
  tag("a", key.algorithm() == Algorithm::kRsaSha256 ? "rsa-sha256" : "ed25519-sha256");
  tag("c", std::string(word(signature.header)) + '/' + std::string(word(rule.body)));
  tag("d", rule.domain);
  tag("s", rule.selector);
  tag("t", std::to_string(now));
  if (rule.lifetime) tag("x", std::to_string(now + *rule.lifetime));
  for (size_t i = 0; i < signature.names.size(); i++) {
    const bool is_last = i + 1 == signature.names.size();
    field.add((i == 0 ? "h=" : "") + signature.names[i] + (is_last ? ';' : ':'), i > 0);
  }
  tag("bh", encode_base64(hashes_.result(signature.body_hash).hash));
  field.add("b=");
  const std::string hash =
      hash_header(signature.names, signature.header, index, kNotInHeader, field.text());
  field.add_base64(encode_base64(key.sign(hash)));
  return field.text();
}

}  // namespace postern::auth
