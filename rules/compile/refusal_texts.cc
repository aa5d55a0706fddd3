// SPDX-License-Identifier: BSD-3-Clause
//
// Composing the lines (rules/compile/refusal_texts.h).
#include "rules/compile/refusal_texts.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "rules/text/diagnostic.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

// Of a service without a name: RFC 5321 section 4.1.3 lets an address stand for one.
constexpr std::string_view kNameless = "%d";

std::string refusal(std::string_view reason, std::string_view contact) {
  std::string line = "554 5.7.1 %a refused: ";
  line.append(reason);
  if (!contact.empty()) line.append("; see ").append(contact);
  return line;
}

// What a service is called to its clients.
std::string name_of(const Service& service) {
  return service.host_name.empty() ? std::string(kNameless) : service.host_name;
}

}  // namespace

ps_text text_of(std::string_view line) {
  ps_text text{};
  std::string bytes;
  size_t longest = 0, gaps = 0;
  while (true) {
    const auto gap = std::min(line.find(kSourceGap), line.find(kDestinationGap));
    bytes.append(line.substr(0, gap));
    if (gap == std::string_view::npos) break;
    if (gaps == PS_TEXT_PARTS - 1)
      throw std::length_error("has the address in more than " + std::to_string(PS_TEXT_PARTS - 1) +
                              " places");
    const bool of_source = line.substr(gap).starts_with(kSourceGap);
    longest += of_source ? PS_TEXT_LONGEST_SOURCE : PS_TEXT_LONGEST_DESTINATION;
    text.ends[gaps] = static_cast<uint8_t>(std::min<size_t>(bytes.size(), UINT8_MAX));
    text.gaps[gaps] = of_source ? PS_TEXT_SOURCE : PS_TEXT_DESTINATION;
    gaps++;
    line.remove_prefix(gap + kSourceGap.size());
  }
  bytes.append("\r\n");
  longest += bytes.size();
  if (longest > PS_TEXT_LINE)
    throw std::length_error("is up to " + std::to_string(longest) + " bytes long, " +
                            std::to_string(longest - PS_TEXT_LINE) + " more than " +
                            std::to_string(PS_TEXT_LINE));
  text.ends[gaps] = static_cast<uint8_t>(bytes.size());
  text.parts = static_cast<uint8_t>(gaps + 1);
  std::memcpy(text.bytes, bytes.data(), bytes.size());
  return text;
}

std::string refusal_line(const Snapshot& snapshot, uint32_t number, const IpAddress& source) {
  const auto image = snapshot.image();
  const auto& header = snapshot.header();
  const uint64_t block = uint64_t{header.texts} + uint64_t{number} * PS_TEXT_BLOCKS;
  if (number == 0 || number >= header.text_count || block + PS_TEXT_BLOCKS > image.count) return {};
  const auto& text = *reinterpret_cast<const ps_text*>(image.blocks + block);
  std::string line;
  size_t at = 0;
  for (size_t part = 0; part < std::min<size_t>(text.parts, PS_TEXT_PARTS); part++) {
    const size_t end = std::min<size_t>(text.ends[part], sizeof text.bytes);
    if (end > at) line.append(reinterpret_cast<const char*>(text.bytes) + at, end - at);
    at = std::max(at, end);
    if (part + 1u < text.parts && part < std::size(text.gaps))
      line += text.gaps[part] == PS_TEXT_SOURCE ? source.to_string() : std::string(kDestinationGap);
  }
  if (line.ends_with("\r\n")) line.resize(line.size() - 2);
  return line;
}

RefusalTexts::RefusalTexts(const Policy& policy, const std::vector<SubList>& sublists)
    : policy_(policy) {
  for (const auto& service : policy.services) {
    const auto next = static_cast<uint32_t>(PS_TEXT_FIXED_COUNT + 2 * names_.size());
    if (number_of_name_.try_emplace(service.host_name, next).second) names_.push_back(&service);
  }
  std::map<std::pair<uint32_t, std::string_view>, uint32_t> numbers;
  for (const auto& sublist : sublists) {
    const auto next =
        static_cast<uint32_t>(PS_TEXT_FIXED_COUNT + 2 * names_.size() + of_lists_.size());
    const auto [known, is_new] = numbers.try_emplace({sublist.list, sublist.category}, next);
    if (is_new) of_lists_.push_back(&sublist);
    of_sublist_.push_back(known->second);
  }
}

uint32_t RefusalTexts::greeting_of(const Service& service) const {
  return number_of_name_.at(service.host_name);
}

std::vector<ps_text> RefusalTexts::compose(bool with_lists) const {
  std::vector<ps_text> texts(PS_TEXT_FIXED_COUNT);
  texts[PS_TEXT_BY_POLICY] = text_of(refusal("by the policy of this site", ""));
  texts[PS_TEXT_LEARNED] = text_of(refusal("for what came from there before", ""));
  texts[PS_TEXT_LIMITED] = text_of("421 4.7.1 %a has made too many connections; try again later");
  for (const auto* service : names_) {
    texts.push_back(text_of("220 " + name_of(*service) + " ESMTP"));
    texts.push_back(text_of("250 " + name_of(*service) + " Hello"));
  }
  if (with_lists)
    for (const auto* sublist : of_lists_) texts.push_back(line_of(*sublist));
  if (texts.size() > PS_MAX_TEXTS)
    throw BadInput(Diagnostic{.file = policy_.file(),
                              .message = "more than " + std::to_string(PS_MAX_TEXTS) +
                                         " different lines for refused clients: that many lists, "
                                         "categories of their maps, and names of services"});
  return texts;
}

ps_text RefusalTexts::line_of(const SubList& sublist) const {
  const auto& list = policy_.lists[sublist.list];
  const auto in_list = "list " + list.name;
  try {
    return text_of(
        refusal(sublist.category.empty() ? in_list : sublist.category + " (" + in_list + ")",
                list.contact));
  } catch (const std::length_error& error) {
    throw BadInput(Diagnostic{.file = policy_.file_of(list.place),
                              .line = list.place.line,
                              .message = "the line that a refused client would read of list " +
                                         quoted(list.name) + ' ' + error.what() +
                                         "; give it a shorter contact"});
  }
}

}  // namespace postern
