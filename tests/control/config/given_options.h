// SPDX-License-Identifier: BSD-3-Clause
//
// Settings of postern-control as a test gives them on the command line, and what is complained of.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "control/config/options.h"
#include "control/config/values.h"
#include "rules/text/diagnostic.h"

namespace postern::config::test {

inline std::variant<Options, Answer> parse(std::vector<std::string> words) {
  std::vector<const char*> pointers = {"postern-control"};
  for (const auto& word : words) pointers.push_back(word.c_str());
  return parse_options(static_cast<int>(pointers.size()), pointers.data());
}

inline Options options(const std::vector<std::string>& words) {
  return std::get<Options>(parse(words));
}

inline const std::vector<std::string> kLeast = {"--farm", "127.0.0.1:2525", "--snapshot",
                                                "site.snap"};

inline std::vector<std::string> with(std::vector<std::string> words) {
  words.insert(words.begin(), kLeast.begin(), kLeast.end());
  return words;
}

inline std::string complaint(const std::vector<std::string>& words) {
  try {
    parse(words);
  } catch (const UsageError& error) {
    return error.what();
  } catch (const BadInput& error) {
    return error.diagnostics().front().to_string();
  }
  return "";
}

}  // namespace postern::config::test
