// SPDX-License-Identifier: BSD-3-Clause
//
// Format combined: the data file of rbldnsd's dataset of that name, several datasets one behind the
// other, each under a line "$DATASET type[:name] subzone...". Those of addresses are read
// (rules/lists/rbldnsd_dataset.h), and what one of them excludes the others may still list; a
// remark names those of another type. The subzones are not told apart.
#include <algorithm>
#include <vector>

#include "rules/lists/formats.h"
#include "rules/lists/list_parts.h"
#include "rules/lists/rbldnsd_dataset.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct TypeName {
  std::string_view name;
  std::optional<RbldnsdType> type;  // nullopt: not of addresses
};

constexpr TypeName kTypes[] = {
    {"ip4set", RbldnsdType::kIp4set},   {"ip4tset", RbldnsdType::kIp4tset},
    {"ip4trie", RbldnsdType::kIp4trie}, {"ip6tset", RbldnsdType::kIp6tset},
    {"ip6trie", RbldnsdType::kIp6trie}, {"dnset", std::nullopt},
    {"generic", std::nullopt},          {"acl", std::nullopt},
};

// What stands behind $DATASET; nullopt when the line is another.
std::optional<std::string_view> dataset_line(std::string_view line) {
  const auto special = rbldnsd_special(line);
  if (!special) return std::nullopt;
  Cursor cursor(*special);
  if (!same_word(take_word(cursor), "dataset")) return std::nullopt;
  return cursor.rest();
}

// A variable may be set behind the lines that use it, so they are looked for first. Those in front
// of the first dataset are all datasets'.
std::vector<RbldnsdVariables> variables_of(std::string_view text) {
  std::vector<RbldnsdVariables> variables(1);
  for (ListLines lines(text, Comments::kNone); lines.next();) {
    if (dataset_line(lines.text()))
      variables.push_back(RbldnsdVariables(variables.front()));
    else if (const auto special = rbldnsd_special(lines.text()))
      variables.back().set(*special);
  }
  return variables;
}

class CombinedReader {
 public:
  CombinedReader(std::string_view text, const std::string& file, ListContent& content)
      : text_(text), variables_(variables_of(text)), file_{file, content}, parts_(content) {}

  void run() {
    for (ListLines lines(text_, Comments::kNone); lines.next();) read(lines.text(), lines.number());
    finish_dataset();
    parts_.finish(Overlap::kMostSpecific, file_.name);
  }

 private:
  void read(std::string_view line, uint32_t number) {
    if (const auto rest = dataset_line(line)) return begin(*rest, number);
    if (const auto special = rbldnsd_special(line)) {
      if (!variables_[current_].set(*special) && (dataset_ || current_ == 0))
        file_.read_special(*special, line, number);
    } else if (!is_rbldnsd_comment(line)) {
      if (dataset_)
        dataset_->read(line, number);
      else if (current_ == 0)
        file_.content.skip(file_.name, number,
                           quoted(line) + " stands in front of the first $DATASET");
    }
  }

  void begin(std::string_view rest, uint32_t number) {
    finish_dataset();
    current_++;
    Cursor cursor(rest);
    const auto word = take_word(cursor);
    const auto name = word.substr(0, word.find(':'));
    const auto* type = std::ranges::find(kTypes, name, &TypeName::name);
    if (type == std::end(kTypes))
      throw BadInput(Diagnostic{.file = file_.name,
                                .line = number,
                                .message = quoted(name) + " is not a type of dataset of rbldnsd"});
    const auto remark = [&](const std::string& why) {
      file_.content.remark(file_.name, number, "this dataset " + why + ", so it is not read");
    };
    const auto subzone = cursor.peek();
    if (!type->type)
      remark("is of type " + std::string(name) + ", not of addresses in a list");
    else if (cursor.at_end() || subzone == '#' || subzone == ';')
      remark("has no subzone that it is for");
    else
      open(*type->type);
  }

  void open(RbldnsdType type) {
    parts_.enter(std::to_string(current_));
    dataset_.emplace(type, variables_[current_], file_);
  }

  void finish_dataset() {
    if (dataset_) dataset_->finish();
    dataset_.reset();
  }

  std::string_view text_;
  std::vector<RbldnsdVariables> variables_;  // by dataset; the first are those of the file
  size_t current_ = 0;
  RbldnsdFile file_;
  ListParts parts_;
  std::optional<RbldnsdDataset> dataset_;
};

class CombinedFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "combined"; }
  std::string_view title() const noexcept override {
    return "rbldnsd combined: several datasets, each under a $DATASET line";
  }

  Fit fit(std::string_view text) const override {
    Fit fit;
    std::optional<RbldnsdType> type;
    bool any = false, unread = false;
    for (ListLines lines(text, Comments::kNone); lines.next();) {
      if (const auto rest = dataset_line(lines.text())) {
        Cursor cursor(*rest);
        const auto word = take_word(cursor);
        const auto* found =
            std::ranges::find(kTypes, word.substr(0, word.find(':')), &TypeName::name);
        if (found == std::end(kTypes)) return {};
        type = found->type;
        unread = !type;
        any = true;
      }
      if (is_rbldnsd_comment(lines.text())) continue;
      fit.lines++;
      if (unread || rbldnsd_special(lines.text()) ||
          (type && RbldnsdDataset::fits(*type, lines.text())))
        fit.read++;
    }
    return any ? fit : Fit{};
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    CombinedReader(text, source.file, content).run();
    return content;
  }
};

}  // namespace

const ListFormat& combined_format() {
  static const CombinedFormat format;
  return format;
}

}  // namespace postern
