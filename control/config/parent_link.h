// SPDX-License-Identifier: BSD-3-Clause
//
// ParentLink: a worker's end of the channel to its parent, on the worker's loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

#include "control/process/channel.h"

namespace postern::config {

class ParentLink {
 public:
  ParentLink(boost::asio::io_context& loop, process::Channel channel);

  // heard: is called with each word; this and what it uses outlive the loop's work.
  void start(std::function<void(process::Message&)> heard);
  void say(process::Word word) { channel_.send(word); }
  void stop();

 private:
  void wait();

  process::Channel channel_;
  boost::asio::posix::stream_descriptor readable_;  // of a copy of the channel's descriptor
  std::function<void(process::Message&)> heard_;
};

}  // namespace postern::config
