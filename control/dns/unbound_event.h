// SPDX-License-Identifier: BSD-3-Clause
//
// libunbound's pluggable event base (unbound-event.h) on top of an Asio loop: libunbound asks for
// "call me when this socket is readable or this time has passed", and Asio does it. One thread: all
// of it happens on the thread that runs the loop. Signals and Windows are not offered; libunbound
// does not ask for them.
#pragma once

#include <unbound-event.h>

#include <boost/asio/io_context.hpp>

namespace postern::dns {

// Outlives the ub_ctx that was made with it; the loop outlives both. Events that libunbound has
// not freed are freed by ub_ctx_delete.
class UnboundEventBase : public ub_event_base {
 public:
  explicit UnboundEventBase(boost::asio::io_context& loop);
  UnboundEventBase(const UnboundEventBase&) = delete;
  UnboundEventBase& operator=(const UnboundEventBase&) = delete;

  boost::asio::io_context& loop() const noexcept { return loop_; }

 private:
  boost::asio::io_context& loop_;
};

}  // namespace postern::dns
