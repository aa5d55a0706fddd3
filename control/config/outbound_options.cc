// SPDX-License-Identifier: BSD-3-Clause
//
// Settings that only make sense together are asked for together: an outbound listener without named
// networks would be an open relay.
#include "control/config/outbound_options.h"

#include <utility>
#include <variant>

#include "control/config/backend_text.h"

namespace postern::config {

namespace po = boost::program_options;

po::options_description outbound_settings() {
  po::options_description all("The site's own mail", 100);
  // clang-format off
  all.add_options()
    ("outbound", several_texts("ADDRESS[:PORT]"),
     "take the site's own mail there, to sign it and send it on; several times")
    ("outbound-from", several_texts("PREFIX"),
     "from these networks and nobody else; what a milter sees from there is own mail as well")
    ("smarthost", several_texts("BACKEND"),
     "where it goes; several times: as --farm, with the same terms")
    ("dkim-keys", one_text("FILE"),
     "who signs: a domain, a selector and a key file per line; read again on SIGHUP")
    ("batv", one_text("FILE"),
     "keys and domains whose envelope senders are tagged; read again on SIGHUP")
    ("null-sender-domain-rate", one_text("N/TIME"),
     "recipients of one domain, of mail with the null sender; 0: without limit (0)");
  // clang-format on
  return all;
}

OutboundOptions read_outbound(const Values& values, bool runs_milter) {
  OutboundOptions options;
  for (const auto& text : values.texts("outbound")) {
    const auto endpoint = parse_endpoint(text, 25);
    if (!endpoint) values.refuse("outbound", text, "ADDRESS[:PORT], IPv6 in brackets");
    options.listen.push_back(*endpoint);
  }
  for (const auto& text : values.texts("outbound-from")) {
    const auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse);
    if (!prefix) values.refuse("outbound-from", text, "a prefix such as 192.0.2.0/28");
    options.clients.push_back(*prefix);
  }
  for (const auto& text : values.texts("smarthost")) {
    auto backend = parse_backend(text);
    if (const auto* bad = std::get_if<BadBackend>(&backend))
      values.refuse("smarthost", bad->part, bad->expected);
    options.smarthosts.push_back(std::get<smtp::Backend>(std::move(backend)));
  }
  values.text("dkim-keys", options.dkim_keys);
  values.text("batv", options.batv);
  std::string rate_text;
  values.text("null-sender-domain-rate", rate_text);
  if (!rate_text.empty()) {
    const auto rate = parse_rate(rate_text);
    if (!rate) values.refuse("null-sender-domain-rate", rate_text, "a rate such as 30/1m, or 0");
    options.backscatter.per_domain = {rate->count, rate->time.count()};
  }
  const bool listens = !options.listen.empty();
  if (listens && options.clients.empty())
    throw UsageError("outbound-from is missing: the networks whose mail outbound takes");
  if (listens && options.smarthosts.empty())
    throw UsageError("smarthost is missing: where the mail of outbound goes, HOST[:PORT]");
  if (!listens && !options.smarthosts.empty())
    throw UsageError("smarthost is given without outbound");
  if (!listens && !runs_milter && !options.clients.empty())
    throw UsageError("outbound-from is given without outbound and without milter");
  if (!listens && !runs_milter && !options.dkim_keys.empty())
    throw UsageError(
        "dkim-keys is given without outbound and without milter: nothing would be signed");
  return options;
}

}  // namespace postern::config
