// SPDX-License-Identifier: BSD-3-Clause
//
// Random sites - lists that overlap, with exclusions, values, maps, weights and expiries, protects,
// services, outbound rules, rules of every kind - compiled, and asked about every address near
// every boundary: lists, services and verdicts are those of the naive twin, at compile time and, by
// the matrix of a later hour, hours later. At least a million addresses are compared in every run.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "rules/compile/expiry.h"
#include "tests/rules/support/any_site.h"
#include "tests/rules/support/compiled.h"
#include "tests/rules/support/naive_compiled.h"

namespace postern::test {
namespace {

#ifdef __SANITIZE_ADDRESS__  // the same paths, at a tenth of the speed
constexpr uint64_t kAddressesPerCase = 200;
#else
constexpr uint64_t kAddressesPerCase = 10'000;  // of a hundred cases
#endif

// All first and last addresses, with their neighbours.
std::vector<IpAddress> boundaries(const NaiveSite& site) {
  std::set<IpAddress> found = {address("0.0.0.0"), address("255.255.255.255"), address("::"),
                               address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")};
  const auto add = [&](const AddressRange& range) {
    for (const auto& edge : {range.first(), range.last()}) {
      found.insert(edge);
      if (const auto next = edge.next()) found.insert(*next);
      if (const auto previous = edge.previous()) found.insert(*previous);
    }
  };
  for (const auto& list : site.lists)
    for (const auto& line : list.lines) add(line.range);
  for (const auto& prefix : site.protects) add(prefix);
  for (const auto& service : site.services)
    for (const auto& prefix : service.destinations) add(prefix);
  return {found.begin(), found.end()};
}

// rule_of: the rule of a number, nullptr where there is none.
template <typename RuleOf>
NaiveVerdict told(const Snapshot& snapshot, const RuleOf& rule_of, const ps_verdict& verdict) {
  NaiveVerdict result{static_cast<Action>(verdict.action), static_cast<Reason>(verdict.reason),
                      (verdict.flags & PS_VERDICT_FINAL) != 0};
  if (const auto* rule = rule_of(verdict.rule)) result.rule = rule->text;
  if (const auto* rule = rule_of(verdict.observed_rule)) result.observed = rule->text;
  if (verdict.limit != 0) {
    const auto* limits = reinterpret_cast<const ps_limit*>(snapshot.image_bytes().data()) +
                         size_t{snapshot.header().limits} * (PS_BLOCK_BYTES / sizeof(ps_limit));
    result.limit = static_cast<int>(60'000'000'000 / limits[verdict.limit].interval_ns);
  }
  return result;
}

NaiveVerdict told_of_service(const Snapshot& snapshot, size_t service, const ps_verdict& verdict) {
  return told(
      snapshot, [&](uint16_t number) { return snapshot.rule_of(service, number); }, verdict);
}

NaiveVerdict told_of_block(const Snapshot& snapshot, size_t block, const ps_verdict& verdict) {
  const auto& rules = snapshot.policy().outbound[block].rules;
  return told(
      snapshot,
      [&](uint16_t number) {
        return number > 0 && number <= rules.size() ? &rules[number - 1u] : nullptr;
      },
      verdict);
}

// As the compiler wrote it.
MatrixAt matrix_of(const Snapshot& snapshot) {
  const auto& header = snapshot.header();
  const auto* bytes = snapshot.image_bytes().data();
  const auto* cells =
      reinterpret_cast<const ps_verdict*>(bytes + size_t{header.matrix} * PS_BLOCK_BYTES);
  MatrixAt matrix;
  matrix.cells.assign(cells, cells + size_t{header.policy_count} * header.class_count);
  if (header.outbound != 0) {
    const auto* outbound =
        reinterpret_cast<const ps_outbound*>(bytes + size_t{header.outbound} * PS_BLOCK_BYTES);
    matrix.outbound.assign(outbound, outbound + header.class_count);
  }
  return matrix;
}

class Comparison {
 public:
  explicit Comparison(const NaiveSite& site)
      : site_(site), snapshot_(compiled(site, kNow)), in_image_(matrix_of(*snapshot_)) {}

  void run() {
    for (const auto& where : boundaries(site_)) compare(where);
    for (int i = 0; i < 20; i++) {
      compare(any_address(Family::kV4));
      compare(any_address(Family::kV6));
    }
  }
  uint64_t addresses() const { return addresses_; }

 private:
  // A failure names its address, as cases are not shrunk (meson.build).
  void compare(const IpAddress& where) {
    addresses_++;
    try {
      compare_all(where);
    } catch (...) {
      RC_LOG() << "at " << where.to_string() << '\n';
      throw;
    }
  }

  void compare_all(const IpAddress& where) {
    const auto address_class = snapshot_->class_of(where);
    compare_lists(where, address_class, kNow);
    compare_outbound(where, address_class, in_image_, kNow);
    compare_services(where);
    compare_entries(where);
    const auto explanation = snapshot_->explain(where, std::nullopt, kNow);
    RC_ASSERT(explanation.services.size() == site_.services.size());
    for (size_t i = 0; i < site_.services.size(); i++)
      compare_verdict(where, address_class, i, explanation.services[i].verdict);
    for (const int64_t later : {kNow + 3600, kNow + 3 * 3600})
      compare_later(where, address_class, later);
  }

  void compare_lists(const IpAddress& where, ClassId address_class, int64_t now) const {
    const auto listed = site_.listed(where, now);
    std::set<std::string> found, expected;
    for (const size_t list : snapshot_->lists_of(address_class, now))
      found.insert(snapshot_->lists()[list].name);
    for (const auto& [name, listings] : listed) expected.insert(name);
    RC_ASSERT(found == expected);
    RC_ASSERT(snapshot_->is_protected(address_class, now) == site_.is_protected(where, listed));
  }

  void compare_services(const IpAddress& where) const {
    for (const uint16_t port : {uint16_t{25}, uint16_t{587}, uint16_t{26}})
      for (const NaiveService::Vlan tags :
           {NaiveService::Vlan{0, 0}, {100, 0}, {100, 7}, {100, 8}, {200, 7}, {300, 0}, {0, 100}}) {
        const auto found = snapshot_->service_of(where, port, tags.outer << 16 | tags.inner);
        const auto expected = site_.service_of(where, port, tags);
        RC_ASSERT(found.has_value() == expected.has_value());
        if (found) RC_ASSERT(found->service == *expected);
      }
  }

  // A service, looked for at an address of its own.
  std::optional<ps_service> as_found(const NaiveService& service) const {
    const auto tags = service.own_tags();
    return snapshot_->service_of(service.destinations[0].first(), service.port,
                                 tags.outer << 16 | tags.inner);
  }

  // Every line that has the address is told, whether it holds or not.
  void compare_entries(const IpAddress& where) const {
    std::multiset<std::string> lines, expected;
    for (const auto& entry : snapshot_->explain(where, std::nullopt, kNow).entries)
      lines.insert(std::to_string(entry.list) + ' ' + std::to_string(entry.line) + ' ' +
                   entry.range.to_string() + ' ' + entry.note.word);
    for (size_t i = 0; i < site_.lists.size(); i++)
      for (size_t j = 0; j < site_.lists[i].lines.size(); j++)
        if (const auto& line = site_.lists[i].lines[j]; line.range.contains(where))
          expected.insert(std::to_string(i) + ' ' + std::to_string(j + 1) + ' ' +
                          line.range.to_string() + ' ' + line.note.word);
    RC_ASSERT(lines == expected);
  }

  void compare_verdict(const IpAddress& where, ClassId address_class, size_t number,
                       const ps_verdict& explained) const {
    const auto& service = site_.services[number];
    RC_ASSERT(told_of_service(*snapshot_, number, explained) ==
              site_.judge(service.rules, where, site_.listed(where, kNow)));
    // The engines' way: destination -> row of the matrix -> verdict.
    const auto found = as_found(service);
    RC_ASSERT(found.has_value() && found->service == number);
    const auto verdict = snapshot_->verdict(found->policy, address_class);
    RC_ASSERT(std::memcmp(&verdict, &explained, sizeof verdict) == 0);
  }

  // The address as a source from the inside, and as where such a source goes.
  void compare_outbound(const IpAddress& where, ClassId address_class, const MatrixAt& matrix,
                        int64_t now) {
    if (site_.outbound.empty()) {
      RC_ASSERT(matrix.outbound.empty());
      return;
    }
    const auto listed = site_.listed(where, now);
    const auto block = site_.outbound_of(where, listed);
    const auto& found = matrix.outbound[address_class];
    RC_ASSERT(found.port == (block ? site_.outbound[*block].port : 0));
    if (block) row_of_block_[*block] = found.policy;
    for (const auto& [number, row] : row_of_block_) {
      const auto& verdict =
          matrix.cells[row * size_t{snapshot_->header().class_count} + address_class];
      RC_ASSERT(told_of_block(*snapshot_, number, verdict) ==
                site_.judge(site_.outbound[number].rules, where, listed));
    }
  }

  // What an engine writes over the matrix at that hour.
  void compare_later(const IpAddress& where, ClassId address_class, int64_t now) {
    auto& matrix = later_[now];
    if (matrix.cells.empty()) matrix = matrix_at(*snapshot_, now);
    compare_lists(where, address_class, now);
    compare_outbound(where, address_class, matrix, now);
    for (size_t i = 0; i < site_.services.size(); i++) {
      const auto& service = site_.services[i];
      const auto row = as_found(service)->policy;
      const auto& verdict =
          matrix.cells[size_t{row} * snapshot_->header().class_count + address_class];
      RC_ASSERT(told_of_service(*snapshot_, i, verdict) ==
                site_.judge(service.rules, where, site_.listed(where, now)));
    }
  }

  const NaiveSite& site_;
  std::shared_ptr<const Snapshot> snapshot_;
  const MatrixAt in_image_;
  std::map<size_t, size_t> row_of_block_;  // as far as a source was met
  std::map<int64_t, MatrixAt> later_;
  uint64_t addresses_ = 0;
};

TEST(Compile, AgreesWithTheNaiveTwin) {
  uint64_t addresses = 0;
  // A hundred cases, each of several sites: rapidcheck would make the same hundred again.
  EXPECT_TRUE(rc::check([&] {
    for (const auto enough = addresses + kAddressesPerCase; addresses < enough;) {
      const auto site = any_site();
      log(site);
      Comparison comparison(site);
      comparison.run();
      addresses += comparison.addresses();
    }
  }));
  RecordProperty("addresses", std::to_string(addresses));
  if (!testing::Test::HasFailure()) {
    EXPECT_GE(addresses, 100 * kAddressesPerCase);
  }
}

}  // namespace
}  // namespace postern::test
