// SPDX-License-Identifier: BSD-3-Clause
//
// LearningService: what is learned, kept and told, put together: the gate and its memory
// (policy::Learning), the file behind it (policy::LearnedStore), the engines (Teacher), and a line
// of the log for each thing that happens (docs/operations.md). One loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "control/policy/learned_store.h"
#include "control/policy/learning.h"
#include "control/smtp/teacher.h"

namespace postern::smtp {

struct LearningOptions {
  policy::Learning::Options gate;
  std::string file;  // empty: what is learned is kept in memory only
  std::chrono::milliseconds file_look_time{1000};
  TeacherOptions teacher;
};

class LearningService : private policy::LearningObserver {
 public:
  // Begins to read the file, which nothing waits for. loop: outlives this and runs on one thread.
  LearningService(boost::asio::io_context& loop, const LearningOptions& options,
                  policy::Learning::Exempt exempt);
  ~LearningService() override;
  LearningService(const LearningService&) = delete;
  LearningService& operator=(const LearningService&) = delete;

  policy::Learning& learning() noexcept { return learning_; }
  // What is shown to engines over TLS from now on.
  void use(const web::EngineCredentials& credentials) { teacher_.use(credentials); }
  std::vector<Teacher::EngineState> engines() const { return teacher_.engines(); }
  // Nothing more is told to engines. The loop runs out of this one's work.
  void stop();

 private:
  void learned(const policy::LearnedEntry& entry) override;
  void removed(const Prefix& prefix) override;
  void spared(const policy::Lesson& lesson, policy::Unlearned why,
              std::string_view because) override;
  void trusted(const Prefix& source, std::string_view domain, int64_t expires) override;
  policy::LearnedStore::Listener listener();

  const std::string file_;
  policy::Learning learning_;
  Teacher teacher_;
  bool restoring_ = false;
  std::unique_ptr<policy::LearnedStore> store_;  // null: no file. Its thread ends before the rest
};

}  // namespace postern::smtp
