// SPDX-License-Identifier: BSD-3-Clause
//
// postern-xdp: loads the rules, attaches the XDP program to the ports, says `ready` on standard
// output, and serves the management API until SIGTERM or SIGINT. Then it detaches and leaves
// nothing behind, unless --keep says that the program stays in force. Logs go to standard error.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/engine/api_server.h"
#include "xdp/loader/options.h"

namespace {

using namespace postern;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

int run(const xdp::Options& options) {
  // First what may be wrong in the input, so that a bad snapshot disturbs nothing.
  std::optional<LastGood> last_good;
  if (!options.state_dir.empty()) last_good.emplace(options.state_dir);
  const auto snapshot =
      starting_snapshot(options.snapshot, last_good ? &*last_good : nullptr, options.bad_snapshot);

  xdp::XdpEngine engine(options.engine);
  if (!options.cookie_secret.empty())
    engine.use_secret(CookieSecret::from_file(options.cookie_secret));
  engine.rotate_cookies(std::time(nullptr));
  if (last_good) engine.keep_last_good(*last_good);
  if (snapshot) engine.load(snapshot);
  engine.remember();
  ApiServer server(engine, options.api);
  engine.attach();
  if (options.keep) engine.keep();
  if (engine.taken_over() > 0) spdlog::info("takeover links={}", engine.taken_over());
  if (const auto& adopted = engine.adopted())
    spdlog::log(adopted->lost == 0 ? spdlog::level::info : spdlog::level::warn,
                "adopted entries={} lost={} limits={}", adopted->entries, adopted->lost,
                adopted->limits ? "kept" : "anew");
  for (const auto& [table, why] : engine.refused_tables())
    spdlog::warn("not-adopted table={} begins=anew because=\"{}\"", table, why);
  for (const auto& [wan, mx, wan_mtu, mx_mtu] : engine.mtu_differences())
    spdlog::warn("mtu-differs {}={} {}={} lost=\"frames larger than the other port's\"", wan,
                 wan_mtu, mx, mx_mtu);
  for (const auto& [device, offload] : engine.turned_off())
    spdlog::info("turned-off device={} offload={}", device, offload);
  if (!snapshot)
    spdlog::warn("no-snapshot everything=passes until=loaded api={}", options.api.socket);

  const auto& settings = options.engine;
  std::printf("ready engine=xdp topology=%s wan=%s%s%s mode=%s generation=%llu api=%s pin=%s\n",
              std::string(engine.topology()).c_str(), joined(settings.wan).c_str(),
              settings.mx.empty() ? "" : " mx=", joined(settings.mx).c_str(),
              settings.mode == xdp::Mode::kNative ? "native" : "generic",
              static_cast<unsigned long long>(snapshot ? snapshot->generation() : 0),
              options.api.socket.c_str(), settings.pin.c_str());
  std::fflush(stdout);

  server.run();
  spdlog::info("stopped engine=xdp enforcing={}", options.keep ? "yes" : "no");
  return 0;
}

}  // namespace

int main(int count, char** words) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("postern-xdp"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  try {
    const auto parsed = xdp::parse_options(count, words);
    if (const auto* answer = std::get_if<xdp::Answer>(&parsed)) {
      std::fputs(answer->text.c_str(), stdout);
      return 0;
    }
    const auto& options = std::get<xdp::Options>(parsed);
    if (options.debug) spdlog::set_level(spdlog::level::debug);
    return run(options);
  } catch (const xdp::UsageError& error) {
    std::fprintf(stderr, "postern-xdp: %s (--help shows the options)\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "postern-xdp: %s\n", error.what());
    return 1;
  }
}
