// SPDX-License-Identifier: BSD-3-Clause
//
// SiteNames: the site's tables of names, read at the beginning and again when asked. Compiling them
// takes seconds, and is done by a thread: mail goes on by the tables in force, which stay where the
// new ones have a mistake. One reading at a time; who asks meanwhile is heard after it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/policy/message_judge.h"
#include "control/policy/name_classes.h"

namespace postern::config {

class SiteNames {
 public:
  // loop and judging outlive this.
  SiteNames(boost::asio::io_context& loop, const policy::NameTableOptions& options,
            policy::JudgeServices& judging)
      : loop_(loop), options_(options), judging_(judging) {}
  // Waits for the thread.
  ~SiteNames();
  SiteNames(const SiteNames&) = delete;
  SiteNames& operator=(const SiteNames&) = delete;

  // At once. Throws BadInput with every mistake of a table, or std::runtime_error.
  void load();
  // What comes of it is logged.
  void reload();

 private:
  struct Reading;
  bool has_tables() const;
  void take(const Reading& reading);

  boost::asio::io_context& loop_;
  const policy::NameTableOptions& options_;
  policy::JudgeServices& judging_;
  std::thread reader_;
  bool reading_ = false;
  bool asked_again_ = false;
};

}  // namespace postern::config
