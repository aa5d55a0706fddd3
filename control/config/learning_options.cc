// SPDX-License-Identifier: BSD-3-Clause
//
// Weights are read behind the threshold that they must stay below.
#include "control/config/learning_options.h"

#include <charconv>
#include <chrono>
#include <string_view>
#include <vector>

#include "control/config/learned_setting.h"
#include "control/config/value.h"

namespace postern::config {

namespace po = boost::program_options;
using std::chrono::milliseconds;

namespace {

int64_t seconds_of(const Values& values, const char* name, int64_t seconds, milliseconds least) {
  milliseconds time{seconds * 1000};
  values.time(name, time, least);
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

void read_engines(const Values& values, learning::TeacherOptions& teacher) {
  teacher.engines = values.texts("engine");
  auto& credentials = teacher.credentials;
  values.text("engine-cert", credentials.certificate);
  values.text("engine-key", credentials.key);
  values.text("engine-ca", credentials.authority);
  for (const auto& engine : teacher.engines)
    if (web::is_over_tls(engine) && (credentials.certificate.empty() || credentials.key.empty() ||
                                     credentials.authority.empty()))
      throw UsageError("engine " + engine + " needs engine-cert, engine-key and engine-ca");
}

void read_evidence(const Values& values, learning::EvidenceTable::Options& evidence) {
  values.number("learn-threshold", evidence.threshold, 2, 1000);
  evidence.half_life =
      seconds_of(values, "learn-half-life", evidence.half_life, milliseconds{1000});
  for (const auto& text : values.texts("learn-weight")) {
    const size_t equals = text.find('=');
    const auto kind = learning::offence_from(std::string_view(text).substr(0, equals));
    const auto weight =
        equals == std::string::npos ? std::nullopt : parse_size(text.substr(equals + 1));
    if (!kind || !weight)
      values.refuse("learn-weight", text,
                    "KIND=N, the kind early-talker, bot-name, out-of-turn, errors, "
                    "foreign-protocol or spamtrap");
    if (*weight >= evidence.threshold)
      values.refuse("learn-weight", text, "less than learn-threshold",
                    "would let a single offence make an entry");
    evidence.weights[static_cast<size_t>(*kind)] = static_cast<uint32_t>(*weight);
  }
}

void read_prefixes(const Values& values, learning::Learning::Options& gate) {
  for (const auto& text : values.texts("learn-prefix")) {
    if (text == "/32" || text == "/24")
      gate.v4_length = text == "/32" ? 32 : 24;
    else if (text == "/64" || text == "/56" || text == "/48")
      gate.v6_length = text == "/64" ? 64 : text == "/56" ? 56 : 48;
    else
      values.refuse("learn-prefix", text, "/32 or /24, or /64, /56 or /48");
  }
}

void read_trust(const Values& values, learning::TrustedSources::Options& trust) {
  trust.trust_for = seconds_of(values, "trust-for", trust.trust_for, milliseconds{0});
  std::string text;
  values.text("trust-reputation", text);
  if (text.empty()) return;
  double least = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), least);
  if (error != std::errc{} || end != text.data() + text.size() || !(least > 0.5 && least <= 1))
    values.refuse("trust-reputation", text, "a number above 0.5, which strangers have, up to 1");
  trust.least_reputation = least;
}

}  // namespace

po::options_description learning_settings() {
  po::options_description learning("Learning", 100);
  add_learned_setting(learning);
  // clang-format off
  learning.add_options()
    ("engine", several_texts("SOCKET"),
     "management socket of a packet engine to teach, or https://HOST:PORT; several times")
    ("engine-cert", one_text("FILE"), "https: the certificate to show to engines (PEM)")
    ("engine-key", one_text("FILE"), "https: its key")
    ("engine-ca", one_text("FILE"), "https: the authority of the engines' certificates")
    ("learned-entries", one_text("N"), "so many; beyond that the first to expire goes (65536)")
    ("learn-for", one_text("TIME"), "how long an entry lives in the engines (1h)")
    ("learn-prefix", several_texts("/LENGTH"),
     "entries for that network: /32 or /24, and /64, /56 or /48; several times (/32, /64)")
    ("learn-threshold", one_text("N"), "so many offences of one source make an entry; 2 or more (3)")
    ("learn-half-life", one_text("TIME"), "after which an offence counts half as much (10m)")
    ("learn-weight", several_texts("KIND=N"),
     "an offence counts N times; 0: not at all; several times, the kinds: early-talker, bot-name,\n"
     "out-of-turn, errors, foreign-protocol, spamtrap (1 each)")
    ("helo-patterns", one_text("FILE"),
     "names that only bots say: one regular expression per line (built in)")
    ("spamtraps", one_text("FILE"),
     "addresses that nobody has: who writes to them commits an offence, and nobody gets the mail; an\n"
     "address or @domain per line; read again when it was replaced, and on SIGHUP")
    ("harvest-threshold", one_text("N"),
     "so many different unknown recipients of one source are an entry, too; 2 or more (20)")
    ("harvest-window", one_text("TIME"), "within that time (10m)")
    ("harvest-known", one_text("PERCENT"),
     "but not where that many or more of its recipients were known (50)")
    ("trust-for", one_text("TIME"),
     "who sent authenticated mail of a well-reputed domain is not learned for that long; 0: is (7d)")
    ("trust-reputation", one_text("SCORE"), "a domain is well-reputed from that on, above 0.5 to 1 (0.9)");
  // clang-format on
  return learning;
}

void read_learning(const Values& values, Options& options) {
  auto& learning = options.learning;
  read_engines(values, learning.teacher);
  learning.file = read_learned_setting(values);
  auto& gate = learning.gate;
  values.number("learned-entries", gate.capacity, 1, 1'000'000);
  gate.learn_for = std::chrono::seconds{
      seconds_of(values, "learn-for", gate.learn_for.count(), milliseconds{1000})};
  gate.never = options.proxy.load_balancers;
  read_prefixes(values, gate);
  read_trust(values, gate.trust);
  read_evidence(values, options.evidence);
  values.text("helo-patterns", options.helo_patterns);
  values.text("spamtraps", options.spamtraps);
  values.number("harvest-threshold", options.harvest.threshold, 2, 1000);
  options.harvest.window =
      seconds_of(values, "harvest-window", options.harvest.window, milliseconds{1000});
  values.number("harvest-known", options.harvest.known_percent, 1, 99);
}

}  // namespace postern::config
