// SPDX-License-Identifier: BSD-3-Clause
//
// Farm: the backends as all sessions share them. Chooses one for a client (FarmPool), over a
// connection that waits or a new one, and takes connections back. Asks each backend at intervals
// whether it lives; what happens to mail counts the same. Knows what all live backends offer.
//
// Limits: a backend has at most Backend::max connections for clients, those that wait included;
// where all have, who asks waits for room_time and then gets none. idle_legs connections wait per
// backend, each no longer than idle_time; one that has
// served kMostMessages, or in which kMostRefusals commands were refused, is not kept, as backends
// slow down or end sessions like that. Where the client was told by a PROXY header the connection
// is that client's and nobody else gets it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/smtp/farm_leg.h"
#include "control/smtp/farm_options.h"
#include "control/smtp/farm_pool.h"
#include "control/smtp/farm_tls.h"

namespace postern::smtp {

class Farm {
 public:
  static constexpr size_t kMostMessages = 100;
  static constexpr size_t kMostRefusals = 5;

  // options outlive it. Throws std::runtime_error where the authorities' file cannot be read.
  Farm(const boost::asio::any_io_executor& executor, const FarmOptions& options);
  Farm(const Farm&) = delete;
  Farm& operator=(const Farm&) = delete;

  // Begins to ask the backends.
  void start();
  // Asks no more, and closes the connections that wait.
  void stop();

  // How a connection is asked for again after one was lost.
  struct Retry {
    std::vector<bool> tried;  // the backends that failed; empty: none
    bool fresh = false;       // a new one, as one that waited went stale
  };
  // Those who wait for a connection get none any more.
  void cut();

  // A connection that is ready for MAIL, the client made known where the backend is told; nullopt:
  // for a question of our own. Null: no backend can be had; error() says why. time: for what the
  // connection is wanted; it keeps to it until it is given back.
  boost::asio::awaitable<std::unique_ptr<FarmLeg>> connect(std::optional<ForwardedClient> client,
                                                           Retry retry, AnswerTime time = {});
  // Takes a connection back, for other clients where that may be; null is let pass.
  void give_back(std::unique_ptr<FarmLeg> leg);
  // The connection failed while it was used. What is to be asked for instead goes into retry.
  void lost(std::unique_ptr<FarmLeg> leg, Retry& retry);

  // What every live backend offers; where none is live, what all did when they were. nullopt: none
  // was ever reached.
  const std::optional<FarmOffer>& offer() const noexcept { return offer_; }
  const std::string& error() const noexcept { return error_; }
  bool had_no_room() const noexcept { return had_no_room_; }  // the same: that was why
  size_t live() const;
  // A backend as it is seen now, for people who look.
  struct BackendState {
    const Backend& backend;  // as long as the farm's options
    FarmPool::Health health;
    int64_t since;      // Unix seconds, when its health became what it is; 0: it never changed
    size_t open, idle;  // connections for clients; of those, the ones that wait
    std::string error;  // of the last failure; empty: there was none
    int64_t failed;     // and when it was
  };
  std::vector<BackendState> states() const;
  size_t idle() const noexcept { return idle_.size(); }
  size_t open(size_t member) const { return room_->open[member]; }  // for clients

 private:
  struct Member {
    Member(const boost::asio::any_io_executor& executor, const Backend& it)
        : backend(it), timer(executor) {}
    const Backend& backend;
    TlsSessionSlot session;
    std::optional<FarmOffer> offer;  // as seen last
    int64_t since = 0;               // its health; as in BackendState
    std::string error;
    int64_t failed = 0;
    boost::asio::steady_timer timer;
    std::chrono::steady_clock::time_point next_check{};
  };
  struct Idle {
    std::unique_ptr<FarmLeg> leg;
    std::chrono::steady_clock::time_point expires;
  };

  // How many connections there are, and who waits for there to be fewer. The connections, which
  // may outlive the farm, share it.
  struct Room {
    std::vector<size_t> open;  // by member
    std::list<boost::asio::steady_timer*> waiting;
    void ring_first();
  };
  bool is_at_max(size_t member) const;
  bool is_full(size_t member) const;  // and none of them waits
  // Nobody is left but such that are full.
  bool is_crowded(const std::vector<bool>& tried) const;
  std::optional<size_t> choose(const std::vector<bool>& tried);
  boost::asio::awaitable<void> wait_for_room(std::chrono::steady_clock::time_point end);

  boost::asio::awaitable<void> watch(size_t member);
  boost::asio::awaitable<void> retire(std::unique_ptr<FarmLeg> leg);
  boost::asio::awaitable<void> park(std::unique_ptr<FarmLeg> leg);
  std::unique_ptr<FarmLeg> make(size_t member);
  std::unique_ptr<FarmLeg> take_idle(size_t member);
  void expire();
  void note(const FarmLeg& leg, bool succeeded);
  void note_offer(const FarmLeg& leg);
  void review_offer();
  FarmPool::Time now() const;

  boost::asio::any_io_executor executor_;
  const FarmOptions& options_;
  FarmTls tls_;
  FarmPool pool_;
  std::vector<std::unique_ptr<Member>> members_;
  std::shared_ptr<Room> room_ = std::make_shared<Room>();
  std::chrono::steady_clock::time_point told_of_room_{};  // in the log
  std::list<Idle> idle_;                                  // the one that waits longest is first
  std::set<FarmLeg*> opening_;                            // for clients
  boost::asio::steady_timer expiry_timer_;
  std::optional<FarmOffer> offer_;
  std::string error_;
  bool had_no_room_ = false;
  bool stopping_ = false;
  bool cut_ = false;
};

}  // namespace postern::smtp
