// SPDX-License-Identifier: BSD-3-Clause
//
// SigningTable: the rules of a key table with their keys, by author's domain. Immutable; a reload
// makes another one, and what signs a message keeps the one that it began with. Each key file is
// read once, however many rules name it.
//
// A key under 1024 bits is refused (RFC 8301 §3.2), as is a file that others may read
// (rules/text/private_text.h). Keys under 2048 bits, which RFC 8301 advises against, and over 4096,
// which verifiers need not try, are warned of.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/auth/dkim_private_key.h"
#include "control/auth/signing_rule.h"
#include "rules/text/diagnostic.h"

namespace postern::auth {

class SigningTable {
 public:
  struct Entry {
    SigningRule rule;
    std::shared_ptr<const DkimPrivateKey> key;  // never null
  };

  // Throws BadInput with the lines that are wrong, or whose keys are.
  static SigningTable load(const std::string& path);
  // The same, with the text of the table and what reads a key file and refuses what others may
  // read.
  using ReadKey = std::function<std::string(const std::string& path)>;
  static SigningTable load(const std::string& path, const std::string& text, const ReadKey& read);
  // The key files that the table there names. Throws BadInput.
  static std::vector<std::string> key_files_in(const std::string& path);
  // folder: where relative key files are; file: for messages.
  static SigningTable load(std::vector<SigningRule> rules, const std::string& folder,
                           const std::string& file, const ReadKey& read = read_key_file);
  // One rule for authors at this domain, whatever its own is.
  static SigningTable load_for(const std::string& author_domain, SigningRule rule,
                               const std::string& file);

  // Who signs for an author at this domain (A-labels); null: nobody. At most
  // kMaxSignaturesPerMessage.
  const std::vector<Entry>* find(std::string_view author_domain) const;

  const std::vector<Diagnostic>& warnings() const noexcept { return warnings_; }
  size_t size() const noexcept { return size_; }  // rules
  size_t keys() const noexcept { return keys_; }  // different ones
  // The files of the keys, as they were opened, each once.
  const std::vector<std::string>& key_files() const noexcept { return key_files_; }

 private:
  static std::string read_key_file(const std::string& path);

  using ByDomain = std::unordered_map<std::string, std::vector<Entry>>;
  ByDomain exact_, below_;
  std::vector<Diagnostic> warnings_;
  std::vector<std::string> key_files_;
  size_t size_ = 0;
  size_t keys_ = 0;
};

}  // namespace postern::auth
