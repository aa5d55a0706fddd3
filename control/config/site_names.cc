// SPDX-License-Identifier: BSD-3-Clause
//
// What the thread found comes to the loop as one object (control/config/site_names.h).
#include "control/config/site_names.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "control/policy/log_text.h"
#include "control/policy/name_hypotheses.h"

namespace postern::config {

using policy::log_value;

struct SiteNames::Reading {
  std::shared_ptr<policy::NameClasses> classes;  // null: error says why
  std::vector<std::string> complaints;
  std::string error;
};

SiteNames::~SiteNames() {
  if (reader_.joinable()) reader_.join();
}

// True: there are some.
bool SiteNames::has_tables() const {
  if (options_.tables.empty() && policy::look_at_classes(judging_.policy->snapshot().policy()))
    spdlog::warn(
        "names state=complaint text=\"rules ask for the class of a name, and no table is named: "
        "all "
        "are unknown\"");
  return !options_.tables.empty();
}

void SiteNames::load() {
  if (!has_tables()) return;
  Reading reading;
  reading.classes = policy::load_name_classes(options_, reading.complaints);
  take(reading);
}

void SiteNames::take(const Reading& reading) {
  for (const auto& complaint : reading.complaints)
    spdlog::warn("names state=complaint text={}", log_value(complaint));
  if (!reading.classes) {
    spdlog::error("names state=refused error={}", log_value(reading.error));
    return;
  }
  judging_.names = reading.classes;
  size_t patterns = 0, slow = 0;
  for (const auto& table : reading.classes->classifier().tables()) {
    patterns += table.matcher.size();
    slow += table.matcher.fallbacks().size();
  }
  spdlog::info("names state=loaded tables={} patterns={} pcre2={}", options_.tables.size(),
               patterns, slow);
}

void SiteNames::reload() {
  if (!has_tables()) return;
  asked_again_ = reading_;
  if (reading_) return;
  reading_ = true;
  if (reader_.joinable()) reader_.join();  // it has ended
  reader_ = std::thread([this] {
    auto reading = std::make_shared<Reading>();
    try {
      reading->classes = policy::load_name_classes(options_, reading->complaints);
    } catch (const std::exception& error) {
      reading->error = error.what();
    }
    boost::asio::post(loop_, [this, reading] {
      take(*reading);
      reading_ = false;
      if (std::exchange(asked_again_, false)) reload();
    });
  });
}

}  // namespace postern::config
