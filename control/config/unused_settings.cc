// SPDX-License-Identifier: BSD-3-Clause
//
// Each setting with the parts that look at it. What is not here is looked at by all.
#include "control/config/unused_settings.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace postern::config {
namespace {

enum Part : uint8_t { kProxy = 1, kOutside = 2, kMilterDoor = 4, kEnginesOverTls = 8 };
constexpr unsigned kMail = kProxy | kOutside;       // take messages and bring them somewhere
constexpr unsigned kJudges = kProxy | kMilterDoor;  // decide about strangers' mail

struct Setting {
  const char* name;
  unsigned parts;
};

constexpr auto kSettings = std::to_array<Setting>({
    {"farm-ca", kMail},
    {"load-balancer", kProxy},
    {"milter-group", kMilterDoor},
    {"authserv-id", kProxy | kOutside | kMilterDoor},  // whose claims are taken out
    {"quarantine-field", kJudges},
    {"certificate", kMail},
    {"key", kMail},
    {"resolver", kJudges},
    {"reputation", kJudges},
    {"batv", kMail},
    {"null-sender-domain-rate", kProxy},
    {"directory-file", kProxy},
    {"directory-ldap", kProxy},
    {"directory-ldap-base", kProxy},
    {"directory-ldap-filter", kProxy},
    {"directory-ldap-attribute", kProxy},
    {"directory-ldap-scope", kProxy},
    {"directory-ldap-dereference", kProxy},
    {"directory-ldap-canary", kProxy},
    {"directory-ldap-bind", kProxy},
    {"directory-ldap-password", kProxy},
    {"directory-ldap-starttls", kProxy},
    {"directory-ldap-ca", kProxy},
    {"directory-ldap-connect-time", kProxy},
    {"directory-ldap-time", kProxy},
    {"directory-ldap-searches", kProxy},
    {"directory-backend", kProxy},
    {"directory-known-time", kProxy},
    {"directory-unknown-time", kProxy},
    {"directory-stale-time", kProxy},
    {"directory-cache", kProxy},
    {"directory-extensions", kJudges},  // of spamtraps, too
    {"directory-local-case", kJudges},
    {"directory-unavailable", kProxy},
    {"greet-pause", kProxy},
    {"greet-teaser", kProxy},
    {"known-for", kJudges},
    {"known-sources", kJudges},
    {"greylist", kJudges},
    {"session-rate", kProxy},
    {"recipient-rate", kProxy},
    {"postmaster-rate", kJudges},
    {"null-sender-rate", kProxy},
    {"unknown-rate", kProxy},
    {"error-rate", kProxy},
    {"names", kJudges},
    {"names-class", kJudges},
    {"names-marked", kJudges},
    {"names-exceptions", kJudges},
    {"names-cache", kJudges},
    {"names-contact", kJudges},
    {"reverse-time", kJudges},
    {"reverse-lookups", kJudges},
    {"dns-patience", kJudges},
    {"dns-silent", kJudges},
    {"engine", kJudges},
    {"learned", kJudges},
    {"learned-entries", kJudges},
    {"learn-for", kJudges},
    {"learn-prefix", kJudges},
    {"engine-cert", kEnginesOverTls},
    {"engine-key", kEnginesOverTls},
    {"engine-ca", kEnginesOverTls},
    {"learn-threshold", kJudges},
    {"learn-half-life", kJudges},
    {"learn-weight", kJudges},
    {"helo-patterns", kJudges},
    {"spamtraps", kJudges},
    {"harvest-threshold", kProxy},
    {"harvest-window", kProxy},
    {"harvest-known", kProxy},
    {"trust-for", kJudges},
    {"trust-reputation", kJudges},
    {"max-message", kMail},
    {"bare-line-ends", kMail},
    {"max-recipients", kMail},
    {"max-hops", kMail},
    {"max-errors", kMail},
    {"max-sessions", kMail},
    {"max-sessions-per-source", kProxy},
    {"milter-sessions", kMilterDoor},
    {"milter-time", kMilterDoor},
    {"spool", kMail},
    {"spool-memory", kMail},
    {"spool-total", kMail},
    {"command-time", kMail},
    {"text-time", kMail},
    {"authentication-time", kJudges},
    {"farm-connect-time", kMail},
    {"farm-reply-time", kMail},
    {"farm-final-time", kMail},
    {"farm-check", kMail},
    {"farm-fall", kMail},
    {"farm-rise", kMail},
    {"farm-slow-start", kMail},
    {"farm-stall", kMail},
    {"farm-idle", kMail},
    {"farm-idle-time", kMail},
});

}  // namespace

std::vector<std::string> settings_of_parts() {
  std::vector<std::string> names;
  for (const auto& setting : kSettings) names.emplace_back(setting.name);
  return names;
}

std::vector<std::string> unused_settings(const Values& values, const Options& options) {
  unsigned parts = 0;
  if (options.runs_proxy) parts |= kProxy;
  if (!options.outbound.listen.empty()) parts |= kOutside;
  if (!options.milter_sockets.empty()) parts |= kMilterDoor;
  if ((parts & kJudges) != 0 &&
      std::ranges::any_of(options.learning.teacher.engines, web::is_over_tls))
    parts |= kEnginesOverTls;
  std::vector<std::string> unused;
  for (const auto& setting : kSettings)
    if ((setting.parts & parts) == 0 && values.has(setting.name)) unused.emplace_back(setting.name);
  return unused;
}

}  // namespace postern::config
