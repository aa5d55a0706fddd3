// SPDX-License-Identifier: BSD-3-Clause
//
// The file's name without its folder: the reason has little room, and the rule has the whole place.
#include "control/learning/rule_lesson.h"

#include <filesystem>
#include <utility>

namespace postern::learning {

std::optional<Lesson> lesson_of(const policy::SessionFacts& session,
                                const policy::Disposition& disposition, std::string id,
                                int64_t now) {
  if (!session.client || disposition.learn.count() == 0) return std::nullopt;
  Lesson lesson;
  lesson.source = *session.client;
  lesson.rule = disposition.rule_place;
  lesson.reason = std::filesystem::path(disposition.rule_place).filename().string() + ' ' +
                  disposition.explanation;
  lesson.evidence.push_back({now, std::move(id), disposition.explanation});
  return lesson;
}

Lesson lesson_of(const Signature& signature, const IpAddress& source,
                 const std::optional<policy::LocalPlace>& local, std::string session,
                 const std::string& helo, int64_t now) {
  return {.source = source,
          .local = local,
          .rule = "signature " + signature.name,
          .evidence = {{now, std::move(session), "said HELO " + helo}}};
}

}  // namespace postern::learning
