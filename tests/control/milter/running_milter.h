// SPDX-License-Identifier: BSD-3-Clause
//
// A whole milter on a Unix socket, on a thread of its own, with a compiled policy and a scripted
// DNS, and a mail server that says exactly what a test tells it to. Everything may be set before
// start().
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "control/auth/header_fields.h"
#include "control/milter/message_text.h"
#include "control/milter/milter.h"
#include "tests/control/milter/server_words.h"
#include "tests/rules/support/compiled.h"
#include "tests/support/scripted_resolver.h"

namespace postern::milter::test {

class RunningMilter : private learning::LearningObserver {
 public:
  RunningMilter() : store(":memory:") {
    judge_options.authserv_id = "mx.example";
    workshop_.list("local.netset", "192.0.2.0/24\n");
  }
  ~RunningMilter() override { stop(); }

  std::string path() const { return workshop_.directory().path("milter.sock"); }

  void start(const std::string& rules = "    accept any\n") {
    judging_.emplace(policy::JudgeServices{.options = judge_options,
                                           .resolver = resolver,
                                           .store = store,
                                           .policy = compile(rules),
                                           .splits = {},
                                           .names = names,
                                           .silent_zones = &silent_zones});
    service_.emplace(Service{.options = options,
                             .judging = *judging_,
                             .limits = limits_.emplace(limit_options),
                             .known = &known,
                             .greylist = &greylist_.emplace(greylist_options, 1),
                             .helo_patterns = &patterns_,
                             .learning = &learning_,
                             .evidence = &evidence_,
                             .signing = signing});
    judging_->on_good_mail = [this](const auto& source, auto domain, auto reputation, auto now) {
      learning_.note_good_mail(source, domain, reputation, now);
    };
    judging_->is_trap = is_trap;
    milter_.emplace(loop_, *service_);
    milter_->add(listen::ListeningSocket::unix_file({.path = path(), .address = {}}));
    milter_->start();
    thread_ = std::thread([this] { loop_.run(); });
  }

  // Runs it where the milter runs, and waits for what it returns.
  template <typename Function>
  auto on_loop(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    boost::asio::post(loop_, [&task] { task(); });
    return result.get();
  }
  // Until it is true; the test's own time limit ends what never becomes so.
  template <typename Condition>
  void wait_until(Condition condition) {
    while (!on_loop(condition)) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }

  void begin_drain(std::chrono::milliseconds time) {
    drained_.emplace();
    ended_ = drained_->get_future();
    on_loop([&] {
      milter_->drain(time, [&] { drained_->set_value(); });
      return true;
    });
  }
  bool has_drained() {
    return ended_.wait_for(std::chrono::seconds{30}) == std::future_status::ready;
  }
  void stop() {
    if (!thread_.joinable()) return;
    if (!drained_) {
      begin_drain(std::chrono::milliseconds{0});
      has_drained();
    }
    loop_.stop();
    thread_.join();
  }
  size_t sessions() {
    return on_loop([this] { return milter_->sessions(); });
  }
  std::optional<reputation::DomainRecord> remembered(const std::string& domain) {
    return on_loop([&] { return store.find(domain); });
  }

  std::string more_policy;          // statements
  std::string more_blocks;          // behind the message rules
  std::vector<std::string> taught;  // "SOURCE REASON SECONDS"; to be read on_loop()
  std::function<bool(std::string_view)> is_trap;
  dns::ScriptedResolver resolver;
  reputation::Store store;
  policy::JudgeOptions judge_options;
  std::shared_ptr<policy::NameClasses> names;  // null: no name has a class
  dns::SilentZones silent_zones{{}};
  MilterOptions options;
  auth::SigningService* signing = nullptr;  // null: nothing is signed
  policy::SourceLimits::Options limit_options;
  policy::Greylist::Options greylist_options;
  policy::KnownSources known{{}};  // to be asked on_loop()

 private:
  std::shared_ptr<const policy::MessagePolicy> compile(const std::string& rules) {
    return std::make_shared<const policy::MessagePolicy>(workshop_.snapshot(
        "list local \"local.netset\" format cidr category local contact "
        "\"https://why.example/a%20b\"\n"
        "service mx 127.0.0.1/32 port 25\n" +
        more_policy + "connection to mx\n    allow list local\n    inspect any\nmessage\n" + rules +
        more_blocks));
  }

  postern::test::Workshop workshop_;
  boost::asio::io_context loop_{1};
  policy::HeloPatterns patterns_{policy::HeloPatterns::built_in(), "built-in"};
  void learned(const learning::LearnedEntry& entry) override {
    taught.push_back(entry.prefix.to_string() + ' ' + entry.reason + ' ' +
                     std::to_string(entry.expires - entry.learned));
  }
  void removed(const Prefix&) override {}
  void withdrawn(const learning::LearnedEntry&, learning::Unlearned, std::string_view) override {}
  void spared(const learning::Lesson&, learning::Unlearned, std::string_view) override {}
  void trusted(const Prefix&, std::string_view, int64_t) override {}

  learning::EvidenceTable evidence_{{.threshold = 2}};
  std::optional<policy::SourceLimits> limits_;
  std::optional<policy::Greylist> greylist_;
  learning::Learning learning_{{},
                               [this](const Prefix& network, const auto& local, int64_t now) {
                                 return policy::is_any_exempt(judging_->policy->snapshot(), network,
                                                              local, now);
                               },
                               *this};
  std::optional<policy::JudgeServices> judging_;
  std::optional<Service> service_;
  std::optional<Milter> milter_;
  std::thread thread_;
  std::optional<std::promise<void>> drained_;
  std::future<void> ended_;
};

// Blocking, and bounded by its patience.
class MailServer {
 public:
  explicit MailServer(const RunningMilter& milter) : MailServer(milter.path()) {}
  explicit MailServer(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("nobody listens");
  }
  ~MailServer() { ::close(socket_); }

  std::vector<std::string> recipients = {"c@d.example"};
  bool tells_blanks = true;  // behind the colons of fields; as it was agreed
  std::string sender = "<a@b.example>";
  MailServer(const MailServer&) = delete;
  MailServer& operator=(const MailServer&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // what is read next tells
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // The next answer in the form of answers(); "" where the connection has ended.
  std::string answer() {
    for (;;) {
      if (input_.size() >= 4) {
        Cursor cursor(input_);
        const size_t length = 4 + take_be32(cursor);
        if (input_.size() >= length) {
          const auto text = answers(std::string_view(input_).substr(0, length));
          input_.erase(0, length);
          return text;
        }
      }
      char buffer[16384];
      const auto got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        throw std::runtime_error("no answer within the test's patience");
      if (got <= 0) return "";
      input_.append(buffer, static_cast<size_t>(got));
    }
  }
  // All up to the final one, without what only asks for patience.
  std::string final_answers() {
    std::string all;
    for (;;) {
      const auto one = answer();
      if (one == "p") continue;
      all += (all.empty() ? "" : " ") + one;
      if (one.empty() || std::string_view("adrty").find(one[0]) != std::string_view::npos)
        return all;
    }
  }
  // Up to and including HELO.
  void begin(const std::string& address = "198.51.100.7",
             const std::string& name = "client.example") {
    send(negotiation() + connection("client.example", '4', 4711, address) +
         packet('H', strings({name})));
    if (answer() != "O" || answer() != "c") throw std::runtime_error("no beginning");
  }
  // A message with CRLF line ends; the answers to its end, or to the last recipient where all were
  // refused.
  std::string message(const std::string& text,
                      const std::vector<std::string>& macros_of_mail = {}) {
    if (!macros_of_mail.empty()) send(macros('M', macros_of_mail));
    send(packet('M', strings({sender})));
    if (const auto first = answer(); first != "c") return first;
    bool any = false;
    std::string last;
    for (const auto& recipient : recipients) {
      send(packet('R', strings({'<' + recipient + '>'})));
      const auto one = answer();
      any = any || one == "c";
      last = one;
    }
    if (!any) return last;
    send(packet('T'));
    const size_t header_end = text.find("\r\n\r\n");
    for (const auto& field :
         auth::split_header_fields(std::string_view(text).substr(0, header_end + 2)))
      send(header(std::string(field.name), value_for_server(field.body, tells_blanks)));
    send(packet('N'));
    const auto body = std::string_view(text).substr(header_end + 4);
    for (size_t at = 0; at < body.size(); at += 1000) {
      send(packet('B', body.substr(at, 1000)));
      const auto one = answer();
      if (one == "s") break;
      if (one != "c") return one;
    }
    send(packet('E'));
    return final_answers();
  }

 private:
  int socket_;
  std::string input_;
};

}  // namespace postern::milter::test
