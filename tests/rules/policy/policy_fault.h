// SPDX-License-Identifier: BSD-3-Clause
//
// Fault: a policy with one error, and what is said of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>

#include "rules/policy/parse.h"
#include "rules/text/diagnostic.h"

namespace postern::test {

struct Fault {
  const char* text;  // the fault is in the last line
  uint32_t column;
  std::string message;
};

inline void PrintTo(const Fault& fault, std::ostream* stream) {
  *stream << fault.text;
}

inline void expect_at_its_place(const Fault& fault) {
  const std::string text = fault.text;
  const auto last = text.rfind('\n') + 1;
  const auto line = static_cast<uint32_t>(1 + std::count(text.begin(), text.end(), '\n'));
  try {
    parse_policy(text, "p");
    FAIL() << "no complaint";
  } catch (const BadInput& bad) {
    ASSERT_EQ(bad.diagnostics().size(), 1u) << bad.what();
    const auto& diagnostic = bad.diagnostics()[0];
    EXPECT_EQ(diagnostic.message, fault.message);
    EXPECT_EQ(diagnostic.line, line);
    EXPECT_EQ(diagnostic.column, fault.column);
    EXPECT_EQ(diagnostic.source, text.substr(last));
    EXPECT_EQ(diagnostic.file, "p");
  }
}

}  // namespace postern::test
