// SPDX-License-Identifier: BSD-3-Clause
//
// The steps of fetching one list; see list_fetcher.h. The new file is read from beside the old one,
// by the same code as when compiling, before it takes its place.
#include "control/cli/fetch/list_fetcher.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include "control/cli/fetch/fetch_state.h"
#include "control/cli/fetch/proof.h"
#include "rules/compile/guards.h"
#include "rules/compile/load_lists.h"
#include "rules/policy/names.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"
#include "rules/text/replace_file.h"

namespace postern::cli {
namespace {

constexpr uint64_t kDefaultMaxBytes = uint64_t{64} << 20;
constexpr size_t kMaxFileBytes = size_t{1} << 30;
constexpr uint64_t kMaxProofBytes = 1 << 20;  // a checksum file, a signature
constexpr size_t kMaxKeyBytes = 64 << 10;

// All that decides whether a file that was once taken would be taken again.
std::string demands_of(const ListDeclaration& list, const std::string& key) {
  const auto& fetch = *list.fetch;
  std::string demands = fetch.url;
  for (const auto& one : {fetch.pin, fetch.checksum_url, fetch.signature_url,
                          key.empty() ? std::string() : sha256_hex(key), list.format})
    demands += '\n' + one;
  return demands;
}

std::string name_in(const std::string& url) {
  const auto path = url.substr(0, url.find_first_of("?#"));
  return path.substr(path.rfind('/') + 1);
}

std::optional<std::string> text_of(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  return read_file_text(path, kMaxFileBytes).text;
}

// How many entries the present file has, to compare with; 0 where it is no good itself.
uint64_t entries_of(const ListDeclaration& list, const std::string& path) {
  try {
    return std::filesystem::exists(path) ? read_list(list, path).size() : 0;
  } catch (const BadInput&) {
    return 0;
  }
}

// Of a complaint about the file beside, one line that does not name it.
std::string first_message(const BadInput& bad) {
  const auto& first = bad.diagnostics().front();
  const auto line = first.line > 0 ? "line " + std::to_string(first.line) + ": " : "";
  return line + first.message.substr(0, first.message.find('\n'));
}

}  // namespace

FetchedList ListFetcher::fetch(const ListDeclaration& list) {
  try {
    return bring(list);
  } catch (const TransportError& error) {
    throw NotFetched(error.what());
  } catch (const BadInput& bad) {
    throw NotFetched(bad.diagnostics().front().to_string());
  } catch (const std::system_error& error) {
    throw NotFetched(error.what());
  }
}

void ListFetcher::prove(const ListDeclaration& list, const std::string& body,
                        const std::string& key) {
  const auto& fetch = *list.fetch;
  const auto get = [&](const std::string& url) {
    try {
      return transport_.get({.url = url, .max_bytes = kMaxProofBytes, .pin = fetch.pin}).body;
    } catch (const TransportError& error) {
      throw NotFetched(url + ": " + error.what());
    }
  };
  if (!fetch.checksum_url.empty())
    if (const auto why = why_not_checksum(body, get(fetch.checksum_url), name_in(fetch.url)))
      throw NotFetched(*why);
  if (!fetch.signature_url.empty())
    if (const auto why = why_not_signed(body, get(fetch.signature_url), key))
      throw NotFetched(*why);
}

FetchedList ListFetcher::bring(const ListDeclaration& list) {
  const auto& fetch = *list.fetch;
  const auto path = path_of(policy_, list);
  std::string key;
  if (!fetch.key_file.empty())
    key = read_file_text(path_at(policy_, fetch.place, fetch.key_file), kMaxKeyBytes).text;
  FetchState state{.demands = demands_of(list, key), .etag = "", .last_modified = "", .sha256 = ""};
  GetRequest request{
      .url = fetch.url, .max_bytes = fetch.max_bytes.value_or(kDefaultMaxBytes), .pin = fetch.pin};
  if (const auto before = read_fetch_state(path); before && before->demands == state.demands)
    if (const auto text = text_of(path); text && sha256_hex(*text) == before->sha256) {
      request.etag = before->etag;
      request.last_modified = before->last_modified;
    }
  const auto response = transport_.get(request);
  if (response.not_modified) {
    // A feed that does not say how old it is, is as old as its last fetch.
    if (request.last_modified.empty()) set_modified(path, now_);
    return {.not_modified = true, .modified_at = read_file_text(path, kMaxFileBytes).modified_at};
  }
  prove(list, response.body, key);

  FetchedList fetched{.bytes = response.body.size()};
  fetched.modified_at = std::min(response.modified_at.value_or(now_), now_);
  ReplacementFile file(path);
  file.write(std::as_bytes(std::span(response.body)));
  file.set_modified(fetched.modified_at);
  try {
    fetched.entries = read_list(list, file.path()).size();
  } catch (const BadInput& bad) {
    throw NotFetched("what came is refused: " + first_message(bad));
  }
  if (list.max_change)
    if (const auto why =
            why_not_this_size(fetched.entries, entries_of(list, path), *list.max_change))
      throw NotFetched("what came is refused: " + *why);
  file.put_in_place();
  state.etag = response.etag;
  state.last_modified = response.last_modified;
  state.sha256 = sha256_hex(response.body);
  write_fetch_state(path, state);
  return fetched;
}

}  // namespace postern::cli
