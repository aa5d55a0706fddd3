// SPDX-License-Identifier: BSD-3-Clause
//
// Differences as text and as JSON; see difference_report.h.
#include "control/cli/difference_report.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "control/cli/address_count_text.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"

namespace postern::cli {
namespace {

constexpr size_t kShown = 20;  // changes of one table, without --all

// "drop hard", "allow limited final"
std::string treatment_text(const Treatment& treatment) {
  std::string text(word(treatment.action));
  if (treatment.is_hard) text += " hard";
  if (treatment.is_limited) text += " limited";
  if (treatment.is_final) text += " final";
  return text;
}

std::string signed_text(char sign, const std::string& count) {
  return count == "0" ? "" : sign + count;
}

// IPv4, IPv6, prefixes
std::vector<std::string> extent_cells(const Extent& extent, char sign) {
  return {signed_text(sign, grouped(extent.addresses.v4)),
          signed_text(sign, count_text_v6(extent.addresses.v6)),
          signed_text(sign, grouped(extent.prefixes()))};
}

template <typename Change>
std::string note_on(const Change& change) {
  if (change.before == change.after) return "";
  return change.after ? "new" : "gone";
}

void print_table(std::ostream& out, const Table& table, size_t changes, bool all) {
  table.print(out, 0);
  if (!all && changes > kShown) out << grouped(changes - kShown) << " more with less (--all)\n";
}

size_t shown(size_t changes, bool all) {
  return all ? changes : std::min(changes, kShown);
}

constexpr auto kLeft = Table::kLeft, kRight = Table::kRight;

void print_changes(std::ostream& out, const char* title, const std::vector<NamedChange>& changes,
                   bool all) {
  Table table({kLeft, kRight, kRight, kRight, kRight, kRight, kRight, kLeft});
  table.row({title, "IPv4", "IPv6", "prefixes", "IPv4", "IPv6", "prefixes"});
  for (size_t i = 0; i < shown(changes.size(), all); i++) {
    const auto& change = changes[i];
    std::vector<std::string> cells = {change.name};
    for (auto& cell : extent_cells(change.gained, '+')) cells.push_back(std::move(cell));
    for (auto& cell : extent_cells(change.lost, '-')) cells.push_back(std::move(cell));
    cells.push_back(note_on(change));
    table.row(cells);
  }
  print_table(out, table, changes.size(), all);
}

void print_verdicts(std::ostream& out, const char* title,
                    const std::vector<TreatmentChange>& verdicts, bool all) {
  Table table({kLeft, kLeft, kLeft, kLeft, kRight, kRight, kRight});
  table.row({title, "from", "", "to", "IPv4", "IPv6", "prefixes"});
  for (size_t i = 0; i < shown(verdicts.size(), all); i++) {
    const auto& change = verdicts[i];
    const auto& addresses = change.extent.addresses;
    table.row({change.name, treatment_text(change.from), "->", treatment_text(change.to),
               addresses.v4 ? grouped(addresses.v4) : "",
               addresses.v6 ? count_text_v6(addresses.v6) : "", grouped(change.extent.prefixes())});
  }
  print_table(out, table, verdicts.size(), all);
}

void print_domains(std::ostream& out, const std::vector<DomainsChange>& changes, bool all) {
  Table table({kLeft, kRight, kRight, kLeft});
  table.row({"list", "domains", "domains"});
  for (size_t i = 0; i < shown(changes.size(), all); i++) {
    const auto& change = changes[i];
    table.row({change.name, signed_text('+', grouped(change.gained)),
               signed_text('-', grouped(change.lost)), note_on(change)});
  }
  print_table(out, table, changes.size(), all);
}

boost::json::object extent_json(const Extent& extent) {
  return {
      {"addresses", count_json(extent.addresses)},
      {"prefixes", boost::json::object{{"v4", extent.prefixes_v4}, {"v6", extent.prefixes_v6}}}};
}

boost::json::array changes_json(const std::vector<NamedChange>& changes) {
  boost::json::array array;
  for (const auto& change : changes)
    array.push_back(boost::json::object{{"name", json_text(change.name)},
                                        {"before", change.before},
                                        {"after", change.after},
                                        {"gained", extent_json(change.gained)},
                                        {"lost", extent_json(change.lost)}});
  return array;
}

boost::json::object treatment_json(const Treatment& treatment) {
  return {{"verdict", word(treatment.action)},
          {"final", treatment.is_final},
          {"hard", treatment.is_hard},
          {"limited", treatment.is_limited}};
}

// named: the key of the name.
boost::json::array verdicts_json(const std::vector<TreatmentChange>& changes, const char* named) {
  boost::json::array array;
  for (const auto& change : changes) {
    auto object = extent_json(change.extent);
    boost::json::object verdict{{named, json_text(change.name)},
                                {"from", treatment_json(change.from)},
                                {"to", treatment_json(change.to)}};
    for (auto& member : object) verdict[member.key()] = std::move(member.value());
    array.push_back(std::move(verdict));
  }
  return array;
}

boost::json::array domains_json(const std::vector<DomainsChange>& changes) {
  boost::json::array array;
  for (const auto& change : changes)
    array.push_back(boost::json::object{{"name", json_text(change.name)},
                                        {"before", change.before},
                                        {"after", change.after},
                                        {"gained", change.gained},
                                        {"lost", change.lost}});
  return array;
}

boost::json::array names_json(const std::vector<std::string>& names) {
  boost::json::array array;
  for (const auto& name : names) array.push_back(boost::json::string(json_text(name)));
  return array;
}

}  // namespace

boost::json::object difference_json(const Difference& difference) {
  return {{"lists", changes_json(difference.lists)},
          {"categories", changes_json(difference.categories)},
          {"verdicts", verdicts_json(difference.verdicts, "service")},
          {"services_gained", names_json(difference.services_gained)},
          {"services_lost", names_json(difference.services_lost)},
          {"services_moved", names_json(difference.services_moved)},
          {"outbound", changes_json(difference.outbound)},
          {"outbound_verdicts", verdicts_json(difference.outbound_verdicts, "block")},
          {"domains", domains_json(difference.domains)}};
}

void print_difference(std::ostream& out, const Difference& difference, bool all) {
  if (difference.empty()) {
    out << "nothing changes for any address or domain\n";
    return;
  }
  bool first = true;
  const auto apart = [&] {
    if (!first) out << '\n';
    first = false;
  };
  if (!difference.lists.empty()) {
    apart();
    print_changes(out, "list", difference.lists, all);
  }
  if (!difference.categories.empty()) {
    apart();
    print_changes(out, "category", difference.categories, all);
  }
  if (!difference.verdicts.empty()) {
    apart();
    print_verdicts(out, "service", difference.verdicts, all);
  }
  if (!difference.outbound.empty()) {
    apart();
    print_changes(out, "outbound, sources", difference.outbound, all);
  }
  if (!difference.outbound_verdicts.empty()) {
    apart();
    print_verdicts(out, "outbound, destinations", difference.outbound_verdicts, all);
  }
  if (!difference.domains.empty()) {
    apart();
    print_domains(out, difference.domains, all);
  }
  for (const auto& name : difference.services_gained) {
    apart();
    out << "service " << printable(name) << " is new\n";
  }
  for (const auto& name : difference.services_lost) {
    apart();
    out << "service " << printable(name) << " is gone\n";
  }
  for (const auto& name : difference.services_moved) {
    apart();
    out << "service " << printable(name) << " has other destinations, another port or VLAN\n";
  }
}

}  // namespace postern::cli
