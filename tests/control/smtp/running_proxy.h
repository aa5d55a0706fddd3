// SPDX-License-Identifier: BSD-3-Clause
//
// A whole proxy on loopback, on a thread of its own, with a compiled policy, a scripted farm and a
// scripted DNS. Everything may be set before start().
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "control/learning/evidence.h"
#include "control/learning/learning_service.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/source_memory.h"
#include "control/reputation/store.h"
#include "control/smtp/proxy.h"
#include "tests/control/smtp/certificate.h"
#include "tests/control/smtp/mail_client.h"
#include "tests/rules/support/compiled.h"
#include "tests/support/scripted_farm.h"
#include "tests/support/scripted_resolver.h"

namespace postern::test {

inline const char kLocalList[] =
    "list local \"local.netset\" format cidr category local contact \"https://why.example/\"";
inline const char kOtherLists[] =
    "\nlist spam \"spam.domains\" format domains category spam\n"
    "service mx 127.0.0.1/32 port 25\n";

class RunningProxy {
 public:
  explicit RunningProxy(uint64_t spool_total = 64u << 20)
      : store(":memory:"), space_("/var/tmp", 65536, spool_total) {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does
    options.server.name = "mx.example";
    judge_options.authserv_id = "mx.example";
    options.greet_pause = std::chrono::milliseconds{0};
    options.linger_time = std::chrono::milliseconds{200};
    options.farm.check_time = std::chrono::hours{1};  // once: its connections are counted, too
    options.farm.own_name = "mx.example";
    workshop_.list("local.netset", "127.0.0.0/8\n");
    workshop_.list("spam.domains", "spam.example\n");
  }
  ~RunningProxy() { stop(); }

  std::string local_list_details;  // what else is declared of the list that has 127.0.0.0/8
  std::string more_policy;         // statements
  std::string more_blocks;         // behind the message rules
  std::string local_list_path() const { return workshop_.directory().path("local.netset"); }

  // Runs it where the proxy runs, and waits for what it returns.
  template <typename Function>
  auto on_loop(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    boost::asio::post(loop_, [&task] { task(); });
    return result.get();
  }

  // message_rules: the lines below `message`; connection_rules: those below `connection to mx`.
  void start(const std::string& message_rules = "    accept any\n",
             const std::string& connection_rules = "    inspect any\n") {
    judging_.emplace(policy::JudgeServices{.options = judge_options,
                                           .resolver = resolver,
                                           .store = store,
                                           .policy = compile(message_rules, connection_rules),
                                           .names = names,
                                           .silent_zones = &silent_zones});
    if (options.farm.backends.empty()) options.farm.backends = {backend(farm)};
    farm_.emplace(loop_.get_executor(), options.farm);
    if (before_listening) before_listening();
    service_.emplace(smtp::Service{.options = options,
                                   .judging = *judging_,
                                   .spool_space = space_,
                                   .farm = *farm_,
                                   .sources = sources_.emplace(source_options, 1),
                                   .tls = nullptr,
                                   .helo_patterns = &patterns_,
                                   .learning = nullptr,
                                   .evidence = nullptr});
    if (with_tls) {
      const auto made = make_certificate();
      service_->tls = std::make_shared<const smtp::TlsServer>(
          std::vector<smtp::TlsServer::Pair>{{made.certificate, made.key, "certificate", "key"}});
    }
    if (learns) {
      evidence_.emplace(evidence_options);
      learning_.emplace(
          loop_, learning_options, [this](const Prefix& network, const auto& local, int64_t now) {
            return policy::is_any_exempt(judging_->policy->snapshot(), network, local, now);
          });
      learning_->start();
      service_->evidence = &*evidence_;
      service_->learning = &learning_->learning();
      judging_->on_good_mail = [this](const auto& source, auto domain, auto reputation, auto now) {
        learning().note_good_mail(source, domain, reputation, now);
      };
    }
    judging_->is_trap = is_trap;
    service_->recipients = recipients;
    service_->backscatter = backscatter;
    service_->outbound = outbound;
    proxy_.emplace(loop_, *service_);
    auto socket =
        listen::ListeningSocket::tcp({.path = {}, .address = IpAddress::v4(0x7f000001), .port = 0});
    port_ = socket.place().port;
    proxy_->add(std::move(socket));
    proxy_->start();
    thread_ = std::thread([this] { loop_.run(); });
    if (wait_for_farm) wait_for_live(options.farm.backends.size());
  }

  static smtp::Backend backend(const ScriptedFarm& farm) {
    return {.host = "127.0.0.1", .port = std::to_string(farm.port())};
  }
  // So many backends are live, no more and no fewer.
  void wait_for_live(size_t count) {
    wait([this, count] { return farm_->live() == count; });
  }
  // Until it is so, asked where the proxy runs.
  template <typename Condition>
  void wait(Condition condition) {
    while (!on_loop(condition)) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  smtp::Farm& pool() { return *farm_; }
  boost::asio::any_io_executor executor() { return loop_.get_executor(); }

  // Drains; true when every session ended by itself.
  bool drain(std::chrono::milliseconds time) {
    std::promise<void> done;
    auto ended = done.get_future();
    boost::asio::post(loop_, [&] {
      proxy_->drain(std::chrono::milliseconds{0}, time, [&] { done.set_value(); });
    });
    drained_ = true;
    return ended.wait_for(std::chrono::seconds{60}) == std::future_status::ready;
  }
  void stop() {
    if (!thread_.joinable()) return;
    if (!drained_) drain(std::chrono::milliseconds{0});
    loop_.stop();
    thread_.join();
  }

  void set_policy(const std::string& message_rules) {
    on_loop([&, made = compile(message_rules, "    inspect any\n")] { judging_->policy = made; });
  }
  size_t sessions() {
    return on_loop([this] { return proxy_->sessions(); });
  }
  smtp::SpoolSpace& spool_space() { return space_; }
  policy::SourceMemory& sources() { return *sources_; }
  learning::Learning& learning() { return learning_->learning(); }  // on_loop()

  uint16_t port() const { return port_; }

  ScriptedFarm farm;
  dns::ScriptedResolver resolver;
  reputation::Store store;
  policy::JudgeOptions judge_options;
  smtp::ProxyOptions options;
  std::shared_ptr<policy::NameClasses> names;  // null: no name has a class
  dns::SilentZones silent_zones{{}};
  bool with_tls = false;
  bool wait_for_farm = true;
  std::function<void()> before_listening;      // there is a pool() then, and nothing else yet
  smtp::RecipientCheck* recipients = nullptr;  // null: the farm alone knows them
  smtp::Backscatter* backscatter = nullptr;    // null: the null sender is like any other
  const smtp::Outbound* outbound = nullptr;    // not null: the door for the site's own mail
  learning::EvidenceTable::Options evidence_options;
  policy::SourceMemory::Options source_options;
  learning::LearningOptions learning_options;
  bool learns = false;
  std::function<bool(std::string_view)> is_trap;

 private:
  std::shared_ptr<const policy::MessagePolicy> compile(const std::string& message_rules,
                                                       const std::string& connection_rules) {
    return std::make_shared<const policy::MessagePolicy>(workshop_.snapshot(
        kLocalList + local_list_details + kOtherLists + more_policy + "connection to mx\n" +
        connection_rules + "message\n" + message_rules + more_blocks));
  }

  Workshop workshop_;
  boost::asio::io_context loop_{1};
  smtp::SpoolSpace space_;
  policy::HeloPatterns patterns_{policy::HeloPatterns::built_in(), "built-in"};
  std::optional<policy::SourceMemory> sources_;
  std::optional<learning::EvidenceTable> evidence_;
  std::optional<learning::LearningService> learning_;
  std::optional<policy::JudgeServices> judging_;
  std::optional<smtp::Farm> farm_;
  std::optional<smtp::Service> service_;
  std::optional<smtp::Proxy> proxy_;
  std::thread thread_;
  uint16_t port_ = 0;
  bool drained_ = false;
};

// A client that has said EHLO.
inline std::unique_ptr<MailClient> greeted(const RunningProxy& proxy) {
  auto client = std::make_unique<MailClient>(proxy.port());
  client->reply();
  client->say("EHLO client.example");
  return client;
}

// One message; the text with its CRLFs, without dots added. Returns the last reply that was not
// positive, or the one to the final dot.
inline std::string send_message(MailClient& client, const std::string& text,
                                const std::string& from = "a@b.example",
                                const std::string& to = "c@d.example") {
  for (const auto& line : {"MAIL FROM:<" + from + ">", "RCPT TO:<" + to + ">"}) {
    const auto reply = client.say(line);
    if (!reply.starts_with("2")) return reply;
  }
  const auto go = client.say("DATA");
  if (!go.starts_with("354")) return go;
  std::string wire;
  smtp::DotStuffer stuffer;
  stuffer.update(text, wire);
  stuffer.finish(wire);
  client.send(wire);
  return client.reply();
}

}  // namespace postern::test
