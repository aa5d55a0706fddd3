// SPDX-License-Identifier: BSD-3-Clause
//
// LearningService: what is learned, kept and told, put together: the gate and its memory
// (Learning), the file behind it (LearnedStore), the engines (Teacher), and a line
// of the log for each thing that happens (docs/operations.md). One loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/learning/learned_store.h"
#include "control/learning/learning.h"
#include "control/learning/teacher.h"

namespace postern::learning {

struct LearningOptions {
  Learning::Options gate;
  std::string file;  // empty: what is learned is kept in memory only
  std::chrono::milliseconds file_look_time{1000};
  TeacherOptions teacher;
};

class LearningService : private LearningObserver {
 public:
  // Touches neither the file nor an engine. loop: outlives this and runs on one thread.
  LearningService(boost::asio::io_context& loop, const LearningOptions& options,
                  Learning::Exempt exempt);
  ~LearningService() override;
  LearningService(const LearningService&) = delete;
  LearningService& operator=(const LearningService&) = delete;

  Learning& learning() noexcept { return learning_; }
  // What is shown to engines over TLS from now on.
  void use(const web::EngineCredentials& credentials) { teacher_.use(credentials); }
  std::vector<Teacher::EngineState> engines() const { return teacher_.engines(); }
  // Once. Begins to read the file, which is made where there is none and which nothing waits for,
  // and to look after the engines. What is learned before is not kept.
  void start();
  // Nothing more is told to engines. The loop runs out of this one's work.
  void stop();
  // Writes what the file has not got yet, if it takes it at once; nothing is kept after that.
  void keep();

 private:
  void learned(const LearnedEntry& entry) override;
  void removed(const Prefix& prefix) override;
  void withdrawn(const LearnedEntry& entry, Unlearned why, std::string_view because) override;
  void spared(const Lesson& lesson, Unlearned why, std::string_view because) override;
  void trusted(const Prefix& source, std::string_view domain, int64_t expires) override;
  LearnedStore::Listener listener();

  boost::asio::io_context& loop_;
  const LearningOptions options_;
  const std::string& file_ = options_.file;
  Learning learning_;
  Teacher teacher_;
  bool restoring_ = false;
  std::optional<int64_t> removal_;       // the one that is being carried out
  std::unique_ptr<LearnedStore> store_;  // null: no file. Its thread ends before the rest
};

}  // namespace postern::learning
