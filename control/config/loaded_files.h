// SPDX-License-Identifier: BSD-3-Clause
//
// What is read from files at the start, and again while control runs: the snapshot when somebody
// has replaced it, the files of recipients and spamtraps when they were replaced and are quiet,
// certificates when the parent gives them anew, all of them on SIGHUP. A file that is no good
// changes nothing, and the log says so. By another snapshot, what was learned is asked about again.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "control/config/options.h"
#include "control/config/outbound_site.h"
#include "control/directory/file_directory.h"
#include "control/learning/learning_service.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/message_judge.h"
#include "control/process/file_watch.h"
#include "control/process/given_files.h"
#include "control/smtp/service.h"
#include "control/smtp/tls_server.h"
#include "control/web/engine_client.h"

namespace postern::config {

// They throw BadInput or std::runtime_error naming the file.
std::unique_ptr<policy::HeloPatterns> read_patterns(const std::string& file);  // empty: built in
std::shared_ptr<const policy::MessagePolicy> read_policy(const std::string& snapshot);
// Null: there is none.
std::shared_ptr<const smtp::TlsServer> read_certificates(const Options& options,
                                                         const process::GivenFiles& given);
// What is shown to engines over TLS, as the parent has read it; as the settings have it where no
// engine is reached so.
web::EngineCredentials read_engine_credentials(const Options& options,
                                               const process::GivenFiles& given);

class LoadedFiles {
 public:
  // Remembers what is there now: make this before the files are read for the first time.
  LoadedFiles(boost::asio::io_context& loop, const Options& options);

  // Begins to look. All, recipients and traps where they are not null, outlive the loop's run.
  void start(smtp::Service& service, OutboundSite& outbound, learning::LearningService& learning,
             directory::FileDirectory* recipients, directory::FileDirectory* traps);
  // Of certificates and keys, those that are there now.
  void use(const process::GivenFiles& given);
  // Reads the others again.
  void reload();
  void stop();

 private:
  boost::asio::awaitable<void> reload_when_replaced();
  // A file of addresses.
  struct Addresses {
    Addresses(boost::asio::io_context& loop, const char* word, const std::string& path)
        : what(word), watch(path), timer(loop) {}
    const char* what;  // as the log says it
    process::FileWatch watch;
    boost::asio::steady_timer timer;
    directory::FileDirectory* file = nullptr;
    bool asked = false;
  };
  boost::asio::awaitable<void> reload_when_replaced(Addresses& addresses);
  static boost::asio::awaitable<void> reload(const Addresses& addresses,
                                             directory::Shrinking shrinking);
  void reload_snapshot();
  void use_certificates(const process::GivenFiles& given);
  void use_engine_credentials(const process::GivenFiles& given);

  boost::asio::io_context& loop_;
  const Options& options_;
  process::FileWatch snapshot_watch_;
  boost::asio::steady_timer timer_;
  Addresses recipients_, traps_;
  smtp::Service* service_ = nullptr;
  OutboundSite* outbound_ = nullptr;
  learning::LearningService* learning_ = nullptr;
  bool ending_ = false;
};

}  // namespace postern::config
