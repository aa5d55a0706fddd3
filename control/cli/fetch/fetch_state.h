// SPDX-License-Identifier: BSD-3-Clause
//
// FetchState: what the last fetch of a list left beside its file, in FILE.fetch (JSON), so that the
// next one need not transfer what has not changed.
#pragma once

#include <optional>
#include <string>

namespace postern::cli {

struct FetchState {
  std::string demands;  // what the policy asked of it; another policy starts anew
  std::string etag, last_modified;
  std::string sha256;  // of the file as it was put in place
};

std::string fetch_state_path(const std::string& file);
// nullopt where there is none, or none that makes sense.
std::optional<FetchState> read_fetch_state(const std::string& file);
// Throws std::system_error.
void write_fetch_state(const std::string& file, const FetchState& state);

}  // namespace postern::cli
