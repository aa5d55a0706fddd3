// SPDX-License-Identifier: BSD-3-Clause
//
// What could not be written goes back behind what came meanwhile, which is newer.
#include "control/learning/learned_store.h"

#include <algorithm>
#include <ctime>
#include <exception>
#include <utility>

namespace postern::learning {
namespace {

// As long as there is room, or where it takes none.
template <typename Value>
void keep(std::map<Prefix, Value>& waiting, const Prefix& prefix, Value value, size_t capacity) {
  const auto known = waiting.find(prefix);
  if (known != waiting.end())
    known->second = std::move(value);
  else if (waiting.size() < capacity)
    waiting.emplace(prefix, std::move(value));
}

}  // namespace

LearnedStore::LearnedStore(Options options, Listener listener, Post post)
    : options_(std::move(options)),
      listener_(std::make_shared<const Listener>(std::move(listener))),
      post_(std::move(post)),
      thread_([this] { run(); }) {}

std::string LearnedStore::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_one();
  if (thread_.joinable()) thread_.join();
  return waiting_.empty() ? std::string() : error_.value_or("");
}

template <typename Change>
void LearnedStore::enqueue(Change change) {
  {
    const std::lock_guard lock(mutex_);
    change(waiting_);
  }
  woken_.notify_one();
}

void LearnedStore::put(const LearnedEntry& entry) {
  enqueue([&](LearnedChanges& waiting) {
    keep(waiting.entries, entry.prefix, std::optional(entry), options_.capacity);
  });
}

void LearnedStore::erase(const Prefix& prefix) {
  enqueue([&](LearnedChanges& waiting) {
    keep(waiting.entries, prefix, std::optional<LearnedEntry>(), 2 * options_.capacity);
  });
}

void LearnedStore::put_trusted(const Prefix& source, std::string domain, int64_t expires) {
  enqueue([&](LearnedChanges& waiting) {
    keep(waiting.trusted, source, TrustedSource{std::move(domain), expires},
         options_.trusted_capacity);
  });
}

void LearnedStore::carried_out(int64_t removal) {
  enqueue([&](LearnedChanges& waiting) { waiting.carried_out.push_back(removal); });
}

void LearnedStore::run() {
  bool last = false;
  for (bool first = true; !last; first = false) {
    LearnedChanges changes;
    {
      std::unique_lock lock(mutex_);
      const auto time = error_ ? options_.retry_time : options_.look_time;
      // A file that refuses is not asked for each new entry.
      if (!first)
        woken_.wait_for(lock, time, [&] { return ending_ || (!error_ && !waiting_.empty()); });
      last = ending_;
      changes = std::exchange(waiting_, {});
    }
    try {
      work(changes);
      report({});
    } catch (const std::exception& error) {
      // Whatever it is, another connection may not have it: the file may have been replaced.
      file_.reset();
      report(error.what());
      const std::lock_guard lock(mutex_);
      for (auto& [prefix, entry] : changes.entries)
        if (waiting_.entries.size() < options_.capacity)
          waiting_.entries.emplace(prefix, std::move(entry));
      for (auto& [source, trust] : changes.trusted)
        if (waiting_.trusted.size() < options_.trusted_capacity)
          waiting_.trusted.emplace(source, std::move(trust));
      for (const auto number : changes.carried_out) waiting_.carried_out.push_back(number);
    }
  }
}

void LearnedStore::work(LearnedChanges& changes) {
  const int64_t now = std::time(nullptr);
  if (!file_) {
    file_ = std::make_unique<LearnedFile>(options_.path, LearnedFile::Purpose::kKeep);
    version_.reset();
  }
  if (!loaded_) {
    Kept kept{file_->entries(now), file_->trusted(now)};
    removal_seen_ = file_->last_removal();  // what is loaded knows of them
    loaded_ = true;
    post_([listener = listener_, kept = std::move(kept)]() mutable {
      listener->loaded(std::move(kept));
    });
  }
  if (!changes.empty()) file_->write(changes, now, options_.capacity, options_.trusted_capacity);
  for (const auto number : changes.carried_out) removals_under_way_.erase(number);
  changes = {};
  look_at_changes(now);
}

void LearnedStore::look_at_changes(int64_t now) {
  const int64_t version = file_->version();
  if (version_ == version) return;
  look_for_removals();
  look_for_trusted(now);
  version_ = version;
}

// Not all of them, as others write every second: who is trusted for nearly as long as can be was
// written down lately. What another process could not write for longer than that is not seen.
void LearnedStore::look_for_trusted(int64_t now) {
  constexpr int64_t kWritingTime = 3600;
  auto trusted = file_->trusted(std::max(now, now + options_.trust_for - kWritingTime));
  if (trusted.empty()) return;
  post_([listener = listener_, trusted = std::move(trusted)]() mutable {
    listener->trusted(std::move(trusted));
  });
}

void LearnedStore::look_for_removals() {
  auto removals = file_->removals_to_do(removal_seen_);
  std::erase_if(removals,
                [&](const Removal& one) { return !removals_under_way_.insert(one.number).second; });
  if (removals.empty()) return;
  removal_seen_ = std::max(removal_seen_, removals.back().number);
  post_([listener = listener_, removals = std::move(removals)]() mutable {
    listener->removed(std::move(removals));
  });
}

void LearnedStore::report(const std::string& error) {
  if (error.empty() ? !error_ : error_ == error) return;
  error_ = error.empty() ? std::nullopt : std::optional(error);
  post_([listener = listener_, error] { listener->state(error); });
}

}  // namespace postern::learning
