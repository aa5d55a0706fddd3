// SPDX-License-Identifier: BSD-3-Clause
//
// What the file's thread has to say comes by way of the loop, where alone anything is logged.
#include "control/learning/learning_service.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <ctime>
#include <utility>

#include "control/policy/log_text.h"

namespace postern::learning {

namespace asio = boost::asio;
using policy::log_value;

namespace {

std::string ids_of(const LearnedEntry& entry) {
  std::string ids;
  for (const auto& one : entry.evidence) ids += (ids.empty() ? "" : ",") + one.id;
  return ids;
}

}  // namespace

LearningService::LearningService(asio::io_context& loop, const LearningOptions& options,
                                 Learning::Exempt exempt)
    : loop_(loop),
      options_(options),
      learning_(options.gate, std::move(exempt), *this),
      teacher_(loop, options.teacher, learning_) {}

void LearningService::start() {
  teacher_.start();
  if (file_.empty()) return;
  LearnedStore::Options store{.path = file_,
                              .capacity = options_.gate.capacity,
                              .trusted_capacity = options_.gate.trust.capacity,
                              .trust_for = options_.gate.trust.trust_for,
                              .look_time = options_.file_look_time};
  store_ = std::make_unique<LearnedStore>(
      std::move(store), listener(),
      [&loop = loop_](std::function<void()> function) { asio::post(loop, std::move(function)); });
}

LearningService::~LearningService() {
  keep();
}

void LearningService::keep() {
  if (!store_) return;
  if (const auto error = store_->end(); !error.empty())
    spdlog::error("learned-file state=lost file={} error={}", file_, log_value(error));
}

void LearningService::stop() {
  teacher_.stop();
}

LearnedStore::Listener LearningService::listener() {
  LearnedStore::Listener listener;
  listener.loaded = [this](LearnedStore::Kept kept) {
    const int64_t now = std::time(nullptr);
    const bool any = !kept.entries.empty();
    restoring_ = true;
    for (auto& [source, trust] : kept.trusted)
      learning_.restore_trusted(source, std::move(trust.domain), trust.expires, now);
    for (auto& entry : kept.entries) learning_.restore(std::move(entry), now);
    restoring_ = false;
    spdlog::info("learned-file state=read file={} entries={} trusted={}", file_, learning_.size(),
                 kept.trusted.size());
    if (any) teacher_.teach_all();
  };
  listener.trusted = [this](std::map<Prefix, TrustedSource> trusted) {
    const int64_t now = std::time(nullptr);
    for (auto& [source, trust] : trusted)
      learning_.restore_trusted(source, std::move(trust.domain), trust.expires, now);
  };
  listener.removed = [this](const std::vector<Removal>& removals) {
    for (const auto& removal : removals) {
      spdlog::info("unlearned source={} by={} why={}", removal.prefix.to_string(),
                   log_value(removal.by), log_value(removal.why));
      removal_ = removal.number;
      learning_.remove(removal.prefix);
      removal_.reset();
    }
  };
  listener.state = [this](const std::string& error) {
    if (error.empty())
      spdlog::info("learned-file state=written file={}", file_);
    else
      spdlog::error("learned-file state=refused file={} error={}", file_, log_value(error));
  };
  return listener;
}

void LearningService::learned(const LearnedEntry& entry) {
  if (restoring_) return;
  spdlog::info("learning source={} seconds={} rule={} reason={} evidence={}",
               entry.prefix.to_string(), entry.expires - entry.learned, log_value(entry.rule),
               log_value(entry.reason), log_value(ids_of(entry)));
  if (store_) store_->put(entry);
  teacher_.teach(entry.prefix);
}

void LearningService::removed(const Prefix& prefix) {
  if (store_) store_->erase(prefix);
  std::function<void()> told;
  if (removal_) told = [this, number = *removal_] { store_->carried_out(number); };
  teacher_.forget(prefix, std::move(told));
}

void LearningService::withdrawn(const LearnedEntry& entry, Unlearned why,
                                std::string_view because) {
  spdlog::info("withdrawn source={} why={} domain={} rule={} reason={}", entry.prefix.to_string(),
               word(why), because.empty() ? "-" : log_value(because), log_value(entry.rule),
               log_value(entry.reason));
}

void LearningService::spared(const Lesson& lesson, Unlearned why, std::string_view because) {
  spdlog::info("spared source={} why={} domain={} rule={} reason={}", lesson.source.to_string(),
               word(why), because.empty() ? "-" : log_value(because), log_value(lesson.rule),
               log_value(lesson.reason));
}

void LearningService::trusted(const Prefix& source, std::string_view domain, int64_t expires) {
  if (store_) store_->put_trusted(source, std::string(domain), expires);
}

}  // namespace postern::learning
