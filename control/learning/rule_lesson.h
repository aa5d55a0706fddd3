// SPDX-License-Identifier: BSD-3-Clause
//
// What a message rule or a `signature` with `learn` says is to be learned about a client: a lesson
// that names the rule and what it saw.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/learning/learning.h"
#include "control/policy/facts.h"

namespace postern::learning {

// id: of the message, as in the log. now: Unix seconds. nullopt: the disposition is not to be
// learned, or is of nobody's address. Whether the source may be learned at all Learning knows.
std::optional<Lesson> lesson_of(const policy::SessionFacts& session,
                                const policy::Disposition& disposition, std::string id,
                                int64_t now);

// Of a client whose HELO a `signature` with `learn` matched. session: its id, as in the log.
Lesson lesson_of(const Signature& signature, const IpAddress& source,
                 const std::optional<policy::LocalPlace>& local, std::string session,
                 const std::string& helo, int64_t now);

}  // namespace postern::learning
