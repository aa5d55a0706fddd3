// SPDX-License-Identifier: BSD-3-Clause
//
// FILE.fetch, read and written; see fetch_state.h.
#include "control/cli/fetch/fetch_state.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <span>

#include "control/cli/printable.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"
#include "rules/text/replace_file.h"

namespace postern::cli {
namespace {

constexpr size_t kMaxBytes = 64 << 10;

struct Member {
  const char* name;
  std::string FetchState::*text;
};
constexpr Member kMembers[] = {{"demands", &FetchState::demands},
                               {"etag", &FetchState::etag},
                               {"last_modified", &FetchState::last_modified},
                               {"sha256", &FetchState::sha256}};

}  // namespace

std::string fetch_state_path(const std::string& file) {
  return file + ".fetch";
}

std::optional<FetchState> read_fetch_state(const std::string& file) {
  const auto path = fetch_state_path(file);
  if (!std::filesystem::exists(path)) return std::nullopt;
  FetchState state;
  try {
    boost::json::error_code error;
    const auto value = boost::json::parse(read_file_text(path, kMaxBytes).text, error);
    const auto* object = error ? nullptr : value.if_object();
    if (!object) return std::nullopt;
    for (const auto& [name, text] : kMembers) {
      const auto* member = object->if_contains(name);
      if (!member || !member->is_string()) return std::nullopt;
      state.*text = std::string(member->get_string());
    }
  } catch (const BadInput&) {
    return std::nullopt;
  }
  return state;
}

void write_fetch_state(const std::string& file, const FetchState& state) {
  boost::json::object object;
  for (const auto& [name, text] : kMembers) object[name] = json_text(state.*text);
  const auto document = boost::json::serialize(object) + '\n';
  ReplacementFile out(fetch_state_path(file));
  out.write(std::as_bytes(std::span(document)));
  out.put_in_place();
}

}  // namespace postern::cli
