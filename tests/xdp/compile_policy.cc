// SPDX-License-Identifier: BSD-3-Clause
//
// compile_policy POLICY SNAPSHOT: what `postern compile` does, for tests that run without control.
#include <cstdio>
#include <exception>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: compile_policy POLICY SNAPSHOT\n");
    return 2;
  }
  try {
    const auto result = postern::compile(postern::read_policy(words[1]));
    postern::write_snapshot(words[2], result.bytes);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
