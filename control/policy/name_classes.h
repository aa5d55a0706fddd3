// SPDX-License-Identifier: BSD-3-Clause
//
// NameClasses: the site's tables of names (control/names), asked by sessions: the class of a name,
// and the rule that said so. Each instance is one generation of the tables, for one thread; a
// reload makes another, and who has the old one keeps it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/names/name_classifier.h"

namespace postern::policy {

// The settings, in the words of `postern names`.
struct NameTableOptions {
  std::vector<std::string> tables;  // files, asked in this order; empty: no name has a class
  std::string against = std::string(names::kDynamic);  // the class of names that a table refuses
  std::string marked;      // of those with PREPEND and its kind; empty: the same
  std::string exceptions;  // file, or "none"; empty: the built-in words
  std::string cache;       // folder of compiled tables; empty: none
  std::string contact;     // where the owner of such a name may object; empty: nowhere
};

// A name with what the tables say of it.
struct ClassedName {
  std::string name = {};  // printable: what is not is '?'; at most 253 octets
  std::string name_class = std::string(names::kUnknown);
  std::string place = {};  // "fqrdns.pcre:12", the rule that decided; empty: none did
  bool operator==(const ClassedName&) const = default;
};
// Of no class.
ClassedName unclassed(std::string_view name);

class NameClasses {
 public:
  NameClasses(names::NameClassifier classifier, std::string contact)
      : classifier_(std::move(classifier)), scratch_(classifier_), contact_(std::move(contact)) {}
  NameClasses(const NameClasses&) = delete;
  NameClasses& operator=(const NameClasses&) = delete;

  ClassedName classify(std::string_view name);
  const std::string& contact() const noexcept { return contact_; }
  const names::NameClassifier& classifier() const noexcept { return classifier_; }

 private:
  names::NameClassifier classifier_;
  names::NameClassifier::Scratch scratch_;
  std::string contact_;
};

// What the tables leave to be said, such as warnings and a cache that is of no use, goes to
// `complaints`, one line each. Throws BadInput with every mistake of a table, or
// std::runtime_error.
std::unique_ptr<NameClasses> load_name_classes(const NameTableOptions& options,
                                               std::vector<std::string>& complaints);

}  // namespace postern::policy
