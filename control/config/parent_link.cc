// SPDX-License-Identifier: BSD-3-Clause
//
// A parent that is gone is no word: the kernel ends its workers.
#include "control/config/parent_link.h"

#include <unistd.h>

#include <utility>

namespace postern::config {

using process::Channel;

ParentLink::ParentLink(boost::asio::io_context& loop, Channel channel)
    : channel_(std::move(channel)), readable_(loop, ::dup(channel_.fd())) {}

void ParentLink::start(std::function<void(process::Message&)> heard) {
  heard_ = std::move(heard);
  wait();
}

void ParentLink::stop() {
  boost::system::error_code ignored;
  readable_.cancel(ignored);
}

void ParentLink::wait() {
  readable_.async_wait(readable_.wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    process::Message message{};
    Channel::Received received;
    while ((received = channel_.receive(message)) == Channel::Received::kWord) heard_(message);
    if (received == Channel::Received::kNothing) wait();
  });
}

}  // namespace postern::config
