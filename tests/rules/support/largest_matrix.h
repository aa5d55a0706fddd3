// SPDX-License-Identifier: BSD-3-Clause
//
// A policy with the largest matrix that there may be: 2^14 classes, as one list for each bit of a
// source's number says, and 64 policies, one for each service's address. Service k drops a source
// whose number has bit k % 14 set.
#pragma once

#include <memory>
#include <string>

#include "tests/rules/support/compiled.h"

namespace postern::test {

class LargestMatrix {
 public:
  static constexpr uint32_t kBits = 14, kPolicies = PS_MAX_POLICIES;

  LargestMatrix() {
    Workshop shop;
    std::string policy;
    for (uint32_t bit = 0; bit < kBits; bit++) {
      std::string entries;
      for (uint32_t number = 0; number < 1u << kBits; number++)
        if (number >> bit & 1u) entries += source(number) + "\n";
      const auto name = "bit" + std::to_string(bit);
      shop.list(name, entries);
      policy += "list " + name + " \"" + name + "\" format cidr\n";
    }
    for (uint32_t k = 0; k < kPolicies; k++) {
      const auto name = "s" + std::to_string(k);
      policy += "service " + name + " " + destination(k) + "\nconnection to " + name +
                "\n  drop list bit" + std::to_string(k % kBits) + "\n  inspect list bit" +
                std::to_string((k + 1 + k / kBits) % kBits) + "\n";  // or rows would be shared
    }
    snapshot = shop.snapshot(policy);
  }

  static std::string source(uint32_t number) {
    return "10.0." + std::to_string(number >> 8) + "." + std::to_string(number & 255u);
  }
  static std::string destination(uint32_t k) { return "198.51.100." + std::to_string(k); }
  static bool drops(uint32_t k, uint32_t number) { return number >> k % kBits & 1u; }

  std::shared_ptr<const Snapshot> snapshot;
};

}  // namespace postern::test
