// SPDX-License-Identifier: BSD-3-Clause
//
// A key that cannot be had is told at the line that wants it.
#include "control/auth/signing_table.h"

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "rules/text/file_text.h"
#include "rules/text/private_text.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxTable = 32u << 20;
constexpr size_t kMaxKeyFile = 64u << 10;
constexpr size_t kMaxErrors = 20;
constexpr int kLeastBits = 1024;
constexpr int kAdvisedBits = 2048;
constexpr int kMostBits = 4096;

Diagnostic at(const SigningRule& rule, const std::string& file, std::string message) {
  return {.file = file,
          .line = rule.line,
          .column = rule.key_column,
          .message = std::move(message),
          .source = rule.source};
}

struct KeyOrComplaint {
  std::shared_ptr<const DkimPrivateKey> key;  // null: it is not to be had
  std::string complaint;                      // why; or a warning
};

KeyOrComplaint read_key(const std::string& path, const SigningTable::ReadKey& read) {
  try {
    auto key = std::make_shared<const DkimPrivateKey>(DkimPrivateKey::read_pem(read(path)));
    if (key->algorithm() != Algorithm::kRsaSha256) return {std::move(key), {}};
    const std::string size = path + " has " + std::to_string(key->bits()) + " bits, ";
    if (key->bits() < kLeastBits) return {nullptr, size + "under 1024 (RFC 8301)"};
    if (key->bits() < kAdvisedBits)
      return {std::move(key), size + "under the 2048 that RFC 8301 advises"};
    if (key->bits() > kMostBits)
      return {std::move(key), size + "over 4096, which many do not verify"};
    return {std::move(key), {}};
  } catch (const BadInput& error) {
    return {nullptr, path + ' ' + error.diagnostics().front().message};
  } catch (const std::runtime_error& error) {
    return {nullptr, path + ' ' + error.what()};
  }
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string path_of(const std::string& folder, const std::string& file) {
  return file.starts_with('/') || folder.empty() ? file : folder + '/' + file;
}

}  // namespace

std::string SigningTable::read_key_file(const std::string& path) {
  return read_private_text(path, kMaxKeyFile);
}

SigningTable SigningTable::load(const std::string& path) {
  return load(path, read_file_text(path, kMaxTable).text, read_key_file);
}

SigningTable SigningTable::load(const std::string& path, const std::string& text,
                                const ReadKey& read) {
  return load(parse_signing_rules(text, path), folder_of(path), path, read);
}

std::vector<std::string> SigningTable::key_files_in(const std::string& path) {
  std::set<std::string> files;
  for (const auto& rule : parse_signing_rules(read_file_text(path, kMaxTable).text, path))
    files.insert(path_of(folder_of(path), rule.key_file));
  return {files.begin(), files.end()};
}

SigningTable SigningTable::load(std::vector<SigningRule> rules, const std::string& folder,
                                const std::string& file, const ReadKey& read_file) {
  SigningTable table;
  std::map<std::string, KeyOrComplaint> keys;
  std::vector<Diagnostic> errors;
  for (SigningRule& rule : rules) {
    const std::string path = path_of(folder, rule.key_file);
    auto known = keys.find(path);
    const bool is_new = known == keys.end();
    if (is_new) {
      known = keys.emplace(path, read_key(path, read_file)).first;
      table.key_files_.push_back(path);
    }
    const KeyOrComplaint& read = known->second;
    if (!read.key) {
      if (errors.size() < kMaxErrors) errors.push_back(at(rule, file, read.complaint));
      continue;
    }
    if (is_new && !read.complaint.empty())
      table.warnings_.push_back(at(rule, file, read.complaint));
    auto& by_domain = rule.for_subdomains ? table.below_ : table.exact_;
    auto& entries = by_domain[rule.domain];
    entries.push_back({std::move(rule), read.key});
    table.size_++;
  }
  if (!errors.empty()) throw BadInput(std::move(errors));
  table.keys_ = keys.size();
  return table;
}

SigningTable SigningTable::load_for(const std::string& author_domain, SigningRule rule,
                                    const std::string& file) {
  const std::string domain = rule.domain;
  SigningTable table = load({std::move(rule)}, {}, file);
  auto entries = table.exact_.extract(domain);
  entries.key() = author_domain;
  table.exact_.insert(std::move(entries));
  return table;
}

const std::vector<SigningTable::Entry>* SigningTable::find(std::string_view author_domain) const {
  if (const auto found = exact_.find(std::string(author_domain)); found != exact_.end())
    return &found->second;
  // The longest one first.
  for (auto dot = author_domain.find('.'); dot != std::string_view::npos;
       dot = author_domain.find('.', dot + 1)) {
    const auto found = below_.find(std::string(author_domain.substr(dot + 1)));
    if (found != below_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace postern::auth
