// SPDX-License-Identifier: BSD-3-Clause
//
// ScriptedResolver: DNS that does what a test tells it to. Names can have records, fail, or stall
// until the test releases them; every question is remembered. What was not scripted does not exist.
#pragma once

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/dns/resolver.h"

namespace postern::dns {

class ScriptedResolver : public Resolver {
 public:
  // name: lower case, without the final dot.
  void set(std::string name, RecordType type, Answer answer) {
    answers_[{std::move(name), type}] = std::move(answer);
  }
  void set_text(std::string name, std::vector<std::string> records) {
    Answer answer;
    answer.status = Status::kFound;
    answer.records = std::move(records);
    set(std::move(name), RecordType::kTxt, std::move(answer));
  }
  void fail(std::string name, RecordType type, std::string detail) {
    Answer answer;
    answer.detail = std::move(detail);
    set(std::move(name), type, std::move(answer));
  }
  // Queries for it wait until release() or cancellation, then get what is set.
  void stall(std::string name) { stalled_.push_back(std::move(name)); }
  void release() {
    stalled_.clear();
    for (auto* timer : waiting_) timer->cancel();
  }

  // In the order of the questions, as they were asked.
  const std::vector<std::string>& asked() const { return asked_; }
  size_t waiting() const { return waiting_.size(); }

  boost::asio::awaitable<Answer> query(std::string name, RecordType type) override {
    namespace asio = boost::asio;
    asked_.push_back(name);
    if (name.ends_with('.')) name.pop_back();
    if (is_stalled(name)) {
      asio::steady_timer timer(co_await asio::this_coro::executor,
                               asio::steady_timer::time_point::max());
      waiting_.push_back(&timer);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      std::erase(waiting_, &timer);
      if (is_stalled(name)) throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (const auto found = answers_.find({name, type}); found != answers_.end()) {
      co_return found->second;
    }
    Answer none;
    none.status = Status::kNoName;
    co_return none;
  }

 private:
  bool is_stalled(const std::string& name) const {
    return std::find(stalled_.begin(), stalled_.end(), name) != stalled_.end();
  }

  std::map<std::pair<std::string, RecordType>, Answer> answers_;
  std::vector<std::string> stalled_;
  std::vector<boost::asio::steady_timer*> waiting_;
  std::vector<std::string> asked_;
};

}  // namespace postern::dns
