// SPDX-License-Identifier: BSD-3-Clause
//
// Two snapshots that say the same of the same sources, by classes of other numbers: a packet that
// was looked up in the one and judged by the other meets a verdict that neither has for it. For
// tests of swapping.
#pragma once

#include <array>
#include <memory>
#include <stdexcept>

#include "tests/rules/support/compiled.h"

namespace postern::test {

struct AgreeingRules {
  struct Source {
    const char* address;
    Reason reason;
  };
  static constexpr std::array<Source, 4> kSources = {{{"203.0.113.1", Reason::RULE_DROP},
                                                      {"203.0.114.1", Reason::RULE_INSPECT},
                                                      {"203.0.115.1", Reason::RULE_RESET},
                                                      {"203.0.116.1", Reason::RULE_ALLOW}}};

  std::shared_ptr<const Snapshot> first, second;

  AgreeingRules() {
    Workshop shop;
    shop.list("dropped", "203.0.113.0/24\n");
    shop.list("inspected", "203.0.114.0/24\n");
    shop.list("reset", "203.0.115.0/24\n");
    shop.list("allowed", "203.0.116.0/24\n");
    shop.list("other", "10.0.0.0/8\n");
    shop.list("another", "11.0.0.0/8\n");
    const std::string lists =
        "list dropped \"dropped\" format cidr\nlist inspected \"inspected\" format cidr\n"
        "list reset \"reset\" format cidr\nlist allowed \"allowed\" format cidr\n";
    const std::string rules =
        "service mx 198.51.100.25/32\nconnection to mx\n  drop list dropped\n"
        "  inspect list inspected\n  reset list reset\n  allow list allowed\n";
    first = shop.snapshot(lists + rules);
    second =
        shop.snapshot("list other \"other\" format cidr\nlist another \"another\" format cidr\n" +
                      lists + rules + "  inspect list other\n  drop list another\n");
    for (const auto& source : kSources) {
      require(first, first, source, true);
      require(second, second, source, true);
      require(first, second, source, false);
      require(second, first, source, false);
    }
  }

 private:
  // What the second says of a class of the first.
  static void require(const std::shared_ptr<const Snapshot>& looked_up,
                      const std::shared_ptr<const Snapshot>& judged, const Source& source,
                      bool agrees) {
    const auto verdict = judged->verdict(0, looked_up->class_of(address(source.address)));
    if ((verdict.reason == static_cast<unsigned>(source.reason)) != agrees)
      throw std::logic_error(std::string("the rules do not do for ") + source.address);
  }
};

}  // namespace postern::test
