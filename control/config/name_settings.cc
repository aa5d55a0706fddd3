// SPDX-License-Identifier: BSD-3-Clause
//
// The words of the tables are those of `postern names` (control/cli/names.cc).
#include "control/config/name_settings.h"

#include <algorithm>
#include <chrono>

#include "control/names/name_classifier.h"

namespace postern::config {
namespace {

namespace po = boost::program_options;
using std::chrono::milliseconds;

constexpr size_t kMaxContact = 200;  // as of a list

bool is_url(std::string_view text) {
  const bool known =
      text.starts_with("https:") || text.starts_with("http:") || text.starts_with("mailto:");
  return known && text.size() <= kMaxContact &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

void read_class(const Values& values, const char* name, std::string& into) {
  values.text(name, into);
  if (values.has(name) && !names::is_class_name(into))
    values.refuse(name, into, "a class: letters, digits and hyphens, a letter first");
}

}  // namespace

po::options_description name_settings() {
  po::options_description names("Names and the DNS", 100);
  // clang-format off
  names.add_options()
    ("names", several_texts("FILE"),
     "a table of names, a Postfix pcre_table, which says what a client's names tell; several times,\n"
     "asked in their order; read again on SIGHUP (`postern names` tries them)")
    ("names-class", one_text("WORD"), "what names are called that a table refuses (dynamic)")
    ("names-marked", one_text("WORD"),
     "and those of PREPEND, WARN, INFO and BCC (as names-class)")
    ("names-exceptions", one_text("FILE"),
     "a table of names that are static whatever the others say, or `none` (the built-in words)")
    ("names-cache", one_text("DIR"), "keep compiled tables in this folder")
    ("names-contact", one_text("URL"), "where somebody may object who is refused for a name")
    ("reverse-time", one_text("TIME"), "for the names of a client, from its connection on (5s)")
    ("reverse-lookups", one_text("N"), "so many clients' names are looked up at a time (1000)")
    ("dns-patience", one_text("TIME"),
     "a domain whose DNS has not answered for that long is judged as if there were nothing;\n"
     "0: its mail is deferred for ever (1d)")
    ("dns-silent", one_text("FILE"),
     "keep there which domains' DNS does not answer; without: in memory only");
  // clang-format on
  return names;
}

NameOptions read_names(const Values& values) {
  NameOptions options;
  auto& tables = options.tables;
  tables.tables = values.texts("names");
  read_class(values, "names-class", tables.against);
  read_class(values, "names-marked", tables.marked);
  values.text("names-exceptions", tables.exceptions);
  values.text("names-cache", tables.cache);
  values.text("names-contact", tables.contact);
  if (values.has("names-contact") && !is_url(tables.contact))
    values.refuse("names-contact", tables.contact,
                  "an https:, http: or mailto: URL of at most 200 bytes");
  if (tables.tables.empty())
    for (const char* name : {"names-class", "names-marked", "names-exceptions", "names-cache"})
      if (values.has(name))
        throw UsageError(std::string(name) + " is of no use without names, a table");
  values.time("reverse-time", options.reverse_time, milliseconds{1});
  values.number("reverse-lookups", options.reverse_lookups, 1, 1'000'000);
  milliseconds patience{options.silent_zones.patience * 1000};
  values.time("dns-patience", patience, milliseconds{0});
  options.silent_zones.patience =
      std::chrono::duration_cast<std::chrono::seconds>(patience).count();
  if (patience.count() > 0 && options.silent_zones.patience == 0) {
    std::string text;
    values.text("dns-patience", text);
    values.refuse("dns-patience", text, "a time of whole seconds, or 0");
  }
  values.text("dns-silent", options.silent_zones_file);
  return options;
}

}  // namespace postern::config
