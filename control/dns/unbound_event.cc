// SPDX-License-Identifier: BSD-3-Clause
//
// Each event of libunbound has a state that it shares with the Asio handlers that wait for it. A
// handler that finds the state's generation changed was overtaken (the event was deleted, changed
// or freed meanwhile) and does nothing, so libunbound may free an event at any moment, also in the
// middle of its own callback.
#include "control/dns/unbound_event.h"

#include <sys/time.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace postern::dns {
namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;
using Callback = void (*)(int fd, short bits, void* argument);

namespace {

class EventState : public std::enable_shared_from_this<EventState> {
 public:
  EventState(asio::io_context& loop, int fd, short bits, Callback callback, void* argument)
      : descriptor_(loop),
        timer_(loop),
        fd_(fd),
        bits_(bits),
        callback_(callback),
        argument_(argument) {}
  ~EventState() { deactivate(); }

  void set_bits(short bits) {
    deactivate();
    bits_ = bits;
  }
  short bits() const noexcept { return bits_; }
  void set_fd(int fd) {
    deactivate();
    fd_ = fd;
  }
  void set_callback(Callback callback, void* argument) noexcept {
    callback_ = callback;
    argument_ = argument;
  }

  // 0, or -1 when the descriptor cannot be waited for.
  int activate(const timeval* timeout) {
    deactivate();
    has_timeout_ = timeout != nullptr;
    if (has_timeout_) {
      timeout_ =
          std::chrono::seconds(timeout->tv_sec) + std::chrono::microseconds(timeout->tv_usec);
    }
    if (fd_ >= 0 && (bits_ & (UB_EV_READ | UB_EV_WRITE)) != 0) {
      boost::system::error_code error;
      descriptor_.assign(fd_, error);
      if (error) return -1;
    }
    is_active_ = true;
    wait();
    return 0;
  }

  // The descriptor belongs to libunbound, which may close it right after this.
  void deactivate() {
    is_active_ = false;
    generation_++;
    if (descriptor_.is_open()) descriptor_.release();
    timer_.cancel();
  }

 private:
  void wait() {
    if (descriptor_.is_open()) {
      if ((bits_ & UB_EV_READ) != 0) wait_for(Descriptor::wait_read, UB_EV_READ);
      if ((bits_ & UB_EV_WRITE) != 0) wait_for(Descriptor::wait_write, UB_EV_WRITE);
    }
    if (has_timeout_) {
      timer_.expires_after(timeout_);
      timer_.async_wait([self = shared_from_this(), generation = generation_](auto error) {
        if (!error && self->generation_ == generation) self->fire(UB_EV_TIMEOUT);
      });
    }
  }

  void wait_for(Descriptor::wait_type type, short bit) {
    descriptor_.async_wait(type,
                           [self = shared_from_this(), generation = generation_, bit](auto error) {
                             if (!error && self->generation_ == generation) self->fire(bit);
                           });
  }

  void fire(short bit) {
    if ((bits_ & UB_EV_PERSIST) == 0) {
      deactivate();
      callback_(fd_, bit, argument_);
      return;
    }
    // Waiting again only after the callback has emptied the socket: readiness is a level here, and
    // it would fire at once. The other waits of this round are void: one generation, one event.
    const uint64_t generation = ++generation_;
    callback_(fd_, bit, argument_);
    if (!is_active_ || generation_ != generation) return;
    boost::system::error_code ignored;
    descriptor_.cancel(ignored);
    wait();
  }

  Descriptor descriptor_;
  asio::steady_timer timer_;
  int fd_;
  short bits_;
  Callback callback_;
  void* argument_;
  std::chrono::steady_clock::duration timeout_{};
  bool has_timeout_ = false;
  bool is_active_ = false;
  uint64_t generation_ = 0;
};

// What libunbound holds: its own header, then our state.
struct Event : ub_event {
  explicit Event(std::shared_ptr<EventState> shared);
  std::shared_ptr<EventState> state;
};

EventState& state_of(ub_event* event) {
  return *static_cast<Event*>(event)->state;
}

void add_bits(ub_event* event, short bits) {
  state_of(event).set_bits(static_cast<short>(state_of(event).bits() | bits));
}
void del_bits(ub_event* event, short bits) {
  state_of(event).set_bits(static_cast<short>(state_of(event).bits() & ~bits));
}
void set_fd(ub_event* event, int fd) {
  state_of(event).set_fd(fd);
}
void free_event(ub_event* event) {
  state_of(event).deactivate();
  delete static_cast<Event*>(event);
}
int add(ub_event* event, timeval* timeout) {
  return state_of(event).activate(timeout);
}
int del(ub_event* event) {
  state_of(event).deactivate();
  return 0;
}
int add_timer(ub_event* event, ub_event_base*, Callback callback, void* argument,
              timeval* timeout) {
  state_of(event).set_callback(callback, argument);
  return state_of(event).activate(timeout);
}
// Asked of us only by programs that wait for signals or run on Windows.
int refuse_signal(ub_event*, timeval*) {
  return -1;
}
void ignore_windows(ub_event*) {}
void ignore_windows_blocking(ub_event*, int) {}

ub_event_vmt event_vmt = {add_bits,      del_bits, set_fd,         free_event,
                          add,           del,      add_timer,      del,
                          refuse_signal, del,      ignore_windows, ignore_windows_blocking};

Event::Event(std::shared_ptr<EventState> shared)
    : ub_event{UB_EVENT_MAGIC, &event_vmt}, state(std::move(shared)) {}

ub_event* new_event(ub_event_base* base, int fd, short bits, Callback callback, void* argument) {
  auto& loop = static_cast<UnboundEventBase*>(base)->loop();
  return new Event(std::make_shared<EventState>(loop, fd, bits, callback, argument));
}
// Not called by libunbound (unbound-event.h says so), which checks that they are there.
void ignore_free(ub_event_base*) {}
int refuse_dispatch(ub_event_base*) {
  return -1;
}
int refuse_exit(ub_event_base*, timeval*) {
  return -1;
}
ub_event* refuse_new_signal(ub_event_base*, int, Callback, void*) {
  return nullptr;
}
ub_event* refuse_new_windows(ub_event_base*, void*, Callback, void*) {
  return nullptr;
}

ub_event_base_vmt base_vmt = {ignore_free, refuse_dispatch,   refuse_exit,
                              new_event,   refuse_new_signal, refuse_new_windows};

}  // namespace

UnboundEventBase::UnboundEventBase(asio::io_context& loop)
    : ub_event_base{UB_EVENT_MAGIC, &base_vmt}, loop_(loop) {}

}  // namespace postern::dns
