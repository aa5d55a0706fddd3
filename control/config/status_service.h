// SPDX-License-Identifier: BSD-3-Clause
//
// StatusService: how a worker of postern-control is, for whoever may connect to a Unix socket: GET
// /v1/status over HTTP/1.1, answered by one JSON object (docs/operations.md). It changes nothing. A
// connection has five seconds and one question; eight are served at a time, others closed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <list>
#include <string>

#include "control/config/options.h"
#include "control/config/outbound_site.h"
#include "control/learning/learning_service.h"
#include "control/listen/accept_loop.h"
#include "control/smtp/farm.h"
#include "control/smtp/overload.h"

namespace postern::config {

// What is looked at.
struct WorkerStatus {
  const Options& options;  // of this worker
  size_t number, workers;
  int64_t started;  // Unix seconds
  const policy::JudgeServices& judging;
  const smtp::Overload& overload;
  size_t sessions, milter_sessions;
  const smtp::Farm& farm;
  const OutboundSite& outbound;
  const learning::LearningService& learning;
};

boost::json::object status_of(const WorkerStatus& status);

class StatusService {
 public:
  // describe: called for each question. Both outlive the loop's work of this.
  StatusService(boost::asio::io_context& loop, std::function<boost::json::object()> describe)
      : loop_(loop), describe_(std::move(describe)) {}

  // A listening Unix socket, before start().
  void add(listen::ListeningSocket socket);
  void start();
  // Accepts nobody any more, and calls ended() when who has been accepted has an answer, or at once
  // where nobody was: from stop(), or from the loop.
  void stop(std::function<void()> ended);

 private:
  using Loop = listen::AcceptLoop<boost::asio::generic::stream_protocol>;
  boost::asio::awaitable<void> answer(boost::asio::generic::stream_protocol::socket socket);
  void leave();

  boost::asio::io_context& loop_;
  std::function<boost::json::object()> describe_;
  std::list<Loop> doors_;
  size_t connections_ = 0;
  std::function<void()> ended_;  // null: not stopped, or called
};

}  // namespace postern::config
