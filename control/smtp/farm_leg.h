// SPDX-License-Identifier: BSD-3-Clause
//
// FarmLeg: one connection to a backend, carried by coroutines around FarmSession: made at the
// address that answers, secured as the site says, the client made known. It serves one message
// after another. Whatever goes wrong with the connection is told as "no reply" and an error text;
// what a client is then told is its user's choice (always a 4xx). What a backend that knows the
// client says to his coming is its answer to his mail.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/smtp/answer_time.h"
#include "control/smtp/farm_options.h"
#include "control/smtp/farm_session.h"
#include "control/smtp/farm_stream.h"
#include "control/smtp/farm_tls.h"
#include "control/smtp/forwarded_client.h"
#include "control/smtp/spool.h"

namespace postern::smtp {

class FarmLeg {
 public:
  // All outlive it. member: the number of the backend in the farm.
  FarmLeg(const boost::asio::any_io_executor& executor, const FarmOptions& options,
          const Backend& backend, size_t member, FarmTls& tls, TlsSessionSlot& session);

  // Connects and says EHLO, or HELO where EHLO is not known; each address is tried, and what the
  // site asks of this backend (TLS, XCLIENT) must be there. client: told by a PROXY header where
  // that is how; null: nobody's, to see whether it lives. True when introduce() may follow.
  boost::asio::awaitable<bool> open(const ForwardedClient* client);
  // For what follows, until another one comes: no time of the options goes beyond it.
  void keep_to(const AnswerTime& time) noexcept { time_ = time; }
  // It failed where that left it less than a third of what the options give: no sign of illness.
  bool cut_short() const { return short_ && (timed_out() || time_.too_late_to_send()); }
  // Makes the client known for the messages that follow. True when mail() may follow.
  boost::asio::awaitable<bool> introduce(const ForwardedClient& client);
  // nullopt: the connection is lost, error() says why.
  boost::asio::awaitable<std::optional<Reply>> mail(const Sender& sender);
  boost::asio::awaitable<std::optional<Reply>> rcpt(const Recipient& recipient);
  // RSET where a transaction is open there. True when another message may follow.
  boost::asio::awaitable<bool> clean();
  // DATA, then `head`, then the spool from its beginning, dots doubled. Returns the reply to the
  // final dot, or to DATA where that was not 354. The final dot is sent only after every byte of
  // the message: a message that cannot be sent whole ends the connection instead.
  boost::asio::awaitable<std::optional<Reply>> send(std::string head, Spool& spool);
  // The same with one BDAT, byte for byte (RFC 3030); only where the farm offers it.
  boost::asio::awaitable<std::optional<Reply>> send_chunk(std::string head, Spool& spool);
  // Says QUIT and does not wait long.
  boost::asio::awaitable<void> quit();

  bool usable() const noexcept { return usable_; }
  const FarmOffer& offer() const noexcept { return session_.offer(); }
  // What it offered before it knew of a client: what it offers then may be meant for that one.
  const std::optional<FarmOffer>& general_offer() const noexcept { return general_offer_; }
  const std::string& error() const noexcept { return error_; }
  void close();  // for good, whatever is under way

  // Some of the message was sent: nobody may send it again without the client's asking.
  bool text_begun() const noexcept { return text_begun_; }
  bool timed_out() const noexcept { return stream_.timed_out(); }
  // It is taken up again after a time in which nothing was said.
  void reused() noexcept { answered_ = took_text_ = false; }
  // Nothing was heard since then: it had probably been closed all the while.
  bool stale() const noexcept { return !answered_; }
  // It answered the end of a text since then.
  bool took_text() const noexcept { return took_text_; }
  bool quiet() { return !session_.spoke_unasked() && stream_.quiet(); }
  // It ended the session by a 421, most often for what the client did (too many errors) or for a
  // time in which he did nothing: no sign of illness.
  bool dismissed() const noexcept { return dismissed_; }
  // introduce() can make this client known, and the name that he goes by now. Postfix takes one
  // XCLIENT, and then offers it no more; a PROXY header stands at the beginning.
  bool can_introduce(const ForwardedClient& client) const {
    if (client_ == client) return true;
    if (backend_.hand_on == HandOn::kXclient) return can_be_told();
    return backend_.hand_on != HandOn::kProxy;
  }
  // For a question of our own. False: the backend takes us for a client that it was told of.
  bool stand_for_nobody() {
    if (backend_.hand_on == HandOn::kXforward) client_.reset();
    return usable_ && !client_;
  }
  // Held as long as this leg lives: its place among those that the backend may have.
  void occupy(std::shared_ptr<void> place) { place_ = std::move(place); }
  // mail() will be answered with what the backend said to the client's coming.
  bool refuses_client() const noexcept { return client_refusal_.has_value(); }
  bool fit_for_others() const {
    return usable_ && !client_refusal_ && backend_.hand_on != HandOn::kProxy &&
           (backend_.hand_on != HandOn::kXclient || can_be_told());
  }

  const Backend& backend() const noexcept { return backend_; }
  size_t member() const noexcept { return member_; }
  size_t messages() const noexcept { return messages_; }  // MAIL commands
  size_t refusals() const noexcept { return refusals_; }  // 4xx and 5xx
  bool tls() const noexcept { return stream_.is_tls(); }
  bool tls_resumed() { return stream_.tls_resumed(); }

 private:
  bool can_be_told() const { return !write_xclient({}, offer().xclient).empty(); }
  boost::asio::awaitable<std::optional<Reply>> command(std::string bytes);
  boost::asio::awaitable<std::optional<Reply>> reply(std::chrono::milliseconds time);
  template <typename Encode, typename Finish>
  boost::asio::awaitable<bool> write_text(std::string wire, Spool& spool, Encode encode,
                                          Finish finish);
  boost::asio::awaitable<std::optional<Reply>> answer_to_text(bool taken);
  boost::asio::awaitable<bool> write(std::string_view bytes, std::chrono::milliseconds time);
  boost::asio::awaitable<bool> open_at(boost::asio::ip::tcp::endpoint endpoint,
                                       std::chrono::milliseconds time,
                                       const ForwardedClient* client, bool with_tls);
  boost::asio::awaitable<bool> say_hello();
  boost::asio::awaitable<bool> start_tls(std::chrono::milliseconds time);
  // True where the answer is the backend's word about the client, who was made known to it.
  bool refuses_client(const std::optional<Reply>& answer);
  std::chrono::milliseconds reply_time() const;
  std::chrono::milliseconds within(std::chrono::milliseconds time);
  void fail(std::string why);

  const FarmOptions& options_;
  const Backend& backend_;
  const size_t member_;
  FarmTls& tls_;
  TlsSessionSlot& tls_session_;
  FarmStream stream_;
  FarmSession session_;
  std::optional<ForwardedClient> client_;  // as the backend knows it
  std::optional<Reply> client_refusal_;
  std::optional<FarmOffer> general_offer_;
  std::shared_ptr<void> place_;
  AnswerTime time_;
  bool short_ = false;  // what was waited for last had little of its time
  bool opening_ = false;
  bool given_up_ = false;
  bool usable_ = false;
  bool tls_failed_ = false;
  bool answered_ = true;
  bool took_text_ = false;
  bool dismissed_ = false;
  bool text_begun_ = false;
  bool transaction_open_ = false;
  size_t messages_ = 0;
  size_t refusals_ = 0;
  std::string error_;
};

}  // namespace postern::smtp
