// SPDX-License-Identifier: BSD-3-Clause
//
// The table is shared with nobody but the thread that made it, and that has ended its work by then.
#include "control/directory/file_directory.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "rules/text/file_text.h"

namespace postern::directory {

namespace asio = boost::asio;
using Table = std::shared_ptr<const RecipientTable>;

namespace {

Table load(const std::string& path, const AddressRules& rules) {
  return RecipientTable::parse(read_file_text(path, RecipientTable::kMaxBytes).text, path, rules);
}

asio::awaitable<Table> load_there(std::string path, AddressRules rules) {
  co_return load(path, rules);
}

}  // namespace

FileDirectory::FileDirectory(std::string path, AddressRules rules)
    : path_(std::move(path)), rules_(std::move(rules)), table_(load(path_, rules_)) {}

asio::awaitable<Answer> FileDirectory::look_up(std::string text) {
  Answer answer{.presence = Presence::kUnknown, .source = "file " + path_};
  const auto address = MailAddress::parse(text, rules_);
  if (!address) {
    answer.detail = "not an address";
    co_return answer;
  }
  auto found = table_->find(*address);
  if (!found) {
    answer.detail = "no line has it, nor its domain";
    co_return answer;
  }
  answer.presence = Presence::kKnown;
  answer.primary = std::move(found->primary);
  answer.source += ":" + std::to_string(found->line);
  co_return answer;
}

bool FileDirectory::has(std::string_view text) const {
  const auto address = MailAddress::parse(text, rules_);
  return address && table_->find(*address).has_value();
}

asio::awaitable<void> FileDirectory::reload(Shrinking shrinking) {
  if (!reader_) reader_.emplace(1);
  auto next = co_await asio::co_spawn(reader_->get_executor(), load_there(path_, rules_),
                                      asio::use_awaitable);
  if (shrinking == Shrinking::kRefused && next->size() < (table_->size() + 1) / 2)
    throw std::runtime_error(std::to_string(next->size()) + " of " +
                             std::to_string(table_->size()) +
                             " entries are left; SIGHUP takes it all the same");
  table_ = std::move(next);
  generation_++;
}

}  // namespace postern::directory
