// SPDX-License-Identifier: BSD-3-Clause
//
// The file is asked first: it costs nothing and never fails. The farm comes last: it is where the
// others are to keep questions away from.
#include "control/config/site_directory.h"

#include <utility>
#include <vector>

#include "control/directory/caching_directory.h"
#include "control/directory/directory_chain.h"
#include "control/directory/filter_template.h"
#include "control/directory/ldap_server.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"

namespace postern::config {

namespace po = boost::program_options;
using std::chrono::milliseconds;

namespace {

constexpr size_t kMaxPassword = 4096;

// The first line, without its end.
std::string password_in(const std::string& text, const std::string& file) {
  std::string password = text.substr(0, text.find_first_of("\r\n"));
  if (password.empty()) throw BadInput(Diagnostic{.file = file, .message = "holds no password"});
  return password;
}

void read_ldap(const Values& values, DirectoryOptions& options) {
  auto& ldap = options.ldap;
  ldap.uris = values.texts("directory-ldap");
  for (const auto& uri : ldap.uris) {
    try {
      directory::LdapServer::parse(uri);
    } catch (const std::runtime_error& error) {
      values.refuse_with("directory-ldap", uri, "directory-ldap: " + std::string(error.what()));
    }
  }
  ldap.bases = values.texts("directory-ldap-base");
  if (ldap.uris.empty() != ldap.bases.empty())
    throw UsageError("directory-ldap and directory-ldap-base are to be given both, or neither");
  values.text("directory-ldap-filter", ldap.filter);
  try {
    directory::FilterTemplate{ldap.filter};
  } catch (const std::runtime_error& error) {
    values.refuse_with("directory-ldap-filter", ldap.filter,
                       "directory-ldap-filter: " + std::string(error.what()));
  }
  if (values.has("directory-ldap-attribute"))
    ldap.attributes = values.texts("directory-ldap-attribute");
  std::string scope = "sub";
  values.text("directory-ldap-scope", scope);
  if (scope == "one")
    ldap.scope = directory::LdapScope::kOneLevel;
  else if (scope == "base")
    ldap.scope = directory::LdapScope::kBase;
  else if (scope != "sub")
    values.refuse("directory-ldap-scope", scope, "sub, one or base");
  bool dereference = false;
  values.yes_or_no("directory-ldap-dereference", dereference);
  if (dereference) ldap.dereference = directory::LdapDereference::kAlways;
  ldap.canaries = values.texts("directory-ldap-canary");
  for (const auto& canary : ldap.canaries)
    if (!directory::MailAddress::parse(canary, options.rules))
      values.refuse("directory-ldap-canary", canary, "an address");
  if (ldap.uris.empty() && !ldap.canaries.empty())
    throw UsageError("directory-ldap-canary needs directory-ldap");
  values.text("directory-ldap-bind", ldap.credentials.dn);
  values.text("directory-ldap-password", options.password_file);
  if (ldap.credentials.dn.empty() != options.password_file.empty())
    throw UsageError(
        "directory-ldap-bind and directory-ldap-password are to be given both, or neither");
  values.yes_or_no("directory-ldap-starttls", ldap.transport.start_tls);
  values.text("directory-ldap-ca", ldap.transport.ca_file);
  values.time("directory-ldap-connect-time", ldap.connect_time, milliseconds{1});
  values.time("directory-ldap-time", ldap.look_up_time, milliseconds{1});
  values.number("directory-ldap-searches", ldap.max_searches, 1, 1000);
}

}  // namespace

po::options_description directory_settings() {
  po::options_description all("Recipients", 100);
  // clang-format off
  all.add_options()
    ("directory-file", one_text("FILE"),
     "who receives mail here: an address, @domain, or an alias and its target per line; read again\n"
     "when it was replaced, and on SIGHUP")
    ("directory-ldap", several_texts("URI"),
     "ldap://HOST, ldaps://HOST or ldapi://PATH to ask; several times, the first that can be had")
    ("directory-ldap-base", several_texts("DN"), "where to search; several times")
    ("directory-ldap-filter", one_text("FILTER"),
     "of an entry that is a recipient; %s address, %u local part, %d domain ((mail=%s))")
    ("directory-ldap-attribute", several_texts("NAME"),
     "of the entry's primary address; several times, the first that is one (mail)")
    ("directory-ldap-scope", one_text("SCOPE"), "sub, one or base (sub)")
    ("directory-ldap-dereference", one_text("YES|NO"), "follow alias entries (no)")
    ("directory-ldap-canary", several_texts("ADDRESS"),
     "a recipient that a server must show before it may say that another is unknown; several times\n"
     "(without: some recipient in every base)")
    ("directory-ldap-bind", one_text("DN"), "bind as that one (anonymous)")
    ("directory-ldap-password", one_text("FILE"), "whose first line is the password of it")
    ("directory-ldap-starttls", one_text("YES|NO"), "ask ldap:// servers for TLS, and insist (no)")
    ("directory-ldap-ca", one_text("FILE"),
     "PEM: who signs the servers' certificates (the system's authorities)")
    ("directory-ldap-connect-time", one_text("TIME"), "for a connection, with TLS and bind (5s)")
    ("directory-ldap-time", one_text("TIME"), "for a look-up (5s)")
    ("directory-ldap-searches", one_text("N"), "at a time (64)")
    ("directory-backend", one_text("YES|NO"),
     "ask the farm itself, by MAIL FROM:<> and RCPT TO, behind the others (no)")
    ("directory-known-time", one_text("TIME"), "keep answers of LDAP and the farm: known (1h)")
    ("directory-unknown-time", one_text("TIME"), "unknown (1m)")
    ("directory-stale-time", one_text("TIME"),
     "and known ones that much longer, while the directory is unavailable (1d)")
    ("directory-cache", one_text("N"), "so many answers (100000)")
    ("directory-extensions", one_text("CHARACTERS"),
     "user+shop is also user: each of them begins an extension; \"\" none (+)")
    ("directory-local-case", one_text("YES|NO"), "USER and user are two (no)")
    ("directory-unavailable", one_text("WHAT"),
     "pass: ask the farm about the recipient; defer: 451 (pass)");
  // clang-format on
  return all;
}

DirectoryOptions read_directory(const Values& values) {
  DirectoryOptions options;
  values.text("directory-file", options.file);
  values.text("directory-extensions", options.rules.extensions);
  if (options.rules.extensions == "\"\"") options.rules.extensions.clear();
  values.yes_or_no("directory-local-case", options.rules.local_case);
  read_ldap(values, options);
  values.time("directory-known-time", options.cache.known_time, milliseconds{0});
  values.time("directory-unknown-time", options.cache.unknown_time, milliseconds{0});
  values.time("directory-stale-time", options.cache.stale_time, milliseconds{0});
  values.number("directory-cache", options.cache.capacity, 1, 100'000'000);
  values.yes_or_no("directory-backend", options.backend);
  std::string unavailable = "pass";
  values.text("directory-unavailable", unavailable);
  if (unavailable != "pass" && unavailable != "defer")
    values.refuse("directory-unavailable", unavailable, "pass or defer");
  options.defer_when_unavailable = unavailable == "defer";
  return options;
}

DirectoryOptions directory_options_in(const std::string& config_file) {
  po::variables_map given;
  const auto file =
      ConfigFile::read(config_file, directory_settings(), given, ConfigFile::Others::kIgnore);
  po::notify(given);
  try {
    return read_directory(Values(given, &file));
  } catch (const UsageError& error) {
    throw BadInput(Diagnostic{.file = config_file, .message = error.what()});
  }
}

SiteDirectory open_site_directory(const boost::asio::any_io_executor& executor,
                                  DirectoryOptions options, directory::BackendDirectory::Ask ask) {
  std::string password;
  if (!options.password_file.empty())
    password = read_file_text(options.password_file, kMaxPassword).text;
  return open_site_directory(executor, std::move(options), password, std::move(ask));
}

SiteDirectory open_site_directory(const boost::asio::any_io_executor& executor,
                                  DirectoryOptions options, const std::string& password,
                                  directory::BackendDirectory::Ask ask) {
  SiteDirectory site;
  std::vector<std::unique_ptr<directory::Directory>> links;
  if (!options.file.empty()) {
    auto file = std::make_unique<directory::FileDirectory>(options.file, options.rules);
    site.file = file.get();
    links.push_back(std::move(file));
  }
  if (!options.ldap.uris.empty()) {
    if (!options.password_file.empty())
      options.ldap.credentials.password = password_in(password, options.password_file);
    std::unique_ptr<directory::Directory> ldap;
    try {
      ldap = std::make_unique<directory::LdapDirectory>(executor, std::move(options.ldap),
                                                        options.rules);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("directory-ldap: " + std::string(error.what()));
    }
    links.push_back(std::make_unique<directory::CachingDirectory>(std::move(ldap), options.cache,
                                                                  options.rules));
  }
  if (options.backend && ask)
    links.push_back(std::make_unique<directory::CachingDirectory>(
        std::make_unique<directory::BackendDirectory>(std::move(ask)), options.cache,
        options.rules));
  if (links.size() == 1)
    site.directory = std::move(links.front());
  else if (!links.empty())
    site.directory = std::make_unique<directory::DirectoryChain>(std::move(links));
  return site;
}

}  // namespace postern::config
