// SPDX-License-Identifier: BSD-3-Clause
//
// Asking engines for samples, again and again (control/cli/engine_samples.h).
#include "control/cli/engine_samples.h"

#include <algorithm>
#include <charconv>

#include "control/cli/engine_api.h"
#include "control/cli/interruption.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/abi/vocabulary.h"

namespace postern::cli {
namespace {

// How long an engine is waited for at a time: an interruption is heard within it.
constexpr std::chrono::milliseconds kWait{500};

uint64_t number_of(const Invocation& invocation, const char* name, uint64_t largest) {
  const auto text = *invocation.text(name);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0 || number > largest)
    throw WrongUsage("--" + std::string(name) + " is a number from 1 to " +
                     std::to_string(largest) + ", not '" + printable(text) + "'");
  return number;
}

std::string query_of(const Invocation& invocation) {
  std::string query;
  for (const auto& reason : invocation.texts("reason")) {
    if (std::ranges::find(kReasonWords, reason, &ReasonWord::word) == kReasonWords.end())
      throw WrongUsage("there is no reason '" + printable(reason) + "'");
    query += "&reason=" + reason;
  }
  if (const auto fate = invocation.text("fate")) {
    if (*fate != "stopped" && *fate != "passed" && *fate != "all")
      throw WrongUsage("--fate is stopped, passed or all, not '" + printable(*fate) + "'");
    query += "&fate=" + *fate;
  }
  invocation.at_most_one({"reason", "fate"});
  if (invocation.has("every"))
    query += "&every=" + std::to_string(number_of(invocation, "every", 1u << 30));
  return query;
}

}  // namespace

std::string lists_text(const EngineSample& sample) {
  std::string text;
  for (const auto& line : sample.lists)
    text +=
        (text.empty() ? "" : ", ") + line.list + " " + line.file + ":" + std::to_string(line.line);
  return text.empty() ? "-" : text;
}

void add_sample_options(OptionSet& options) {
  options.add_engines();
  options.add_texts("reason,r", "WORD", "only packets with this reason; may be repeated");
  options.add_text("fate", "WORD", "stopped (default), passed or all");
  options.add_text("every", "N", "one packet in N, about, and no more");
  options.add_text("count,n", "N", "end after so many packets");
  options.add_text("seconds", "N", "end after so many seconds");
}

EngineSamples::EngineSamples(const Invocation& invocation, std::string bytes)
    : query_(query_of(invocation)) {
  if (!bytes.empty()) query_ += "&bytes=" + bytes;
  if (invocation.has("count")) count_ = number_of(invocation, "count", uint64_t{1} << 40);
  if (invocation.has("seconds"))
    seconds_ = std::chrono::seconds(number_of(invocation, "seconds", 31'536'000));
  sockets_ = require_engines(invocation);
}

bool EngineSamples::read(const std::string& socket, std::chrono::milliseconds wait,
                         const std::function<bool(const std::string&, const EngineSample&)>& take) {
  auto& place = places_[socket];
  auto target = "/v1/samples?wait=" + std::to_string(wait.count()) + query_;
  if (place.after) target += "&after=" + std::to_string(*place.after);
  const auto batch = EngineApi(socket).samples(target, wait);
  place.after = batch.next;
  lost_ += batch.lost;
  if (place.overrun && batch.overrun > *place.overrun) lost_ += batch.overrun - *place.overrun;
  place.overrun = batch.overrun;
  for (const auto& sample : batch.samples) {
    if (!take(socket, sample) || ++taken_ == count_) return false;
  }
  return true;
}

void EngineSamples::run(const std::function<bool(const std::string&, const EngineSample&)>& take,
                        const std::function<void()>& between) {
  using Clock = std::chrono::steady_clock;
  const Interruption interruption;
  const auto end = Clock::now() + seconds_.value_or(std::chrono::seconds{0});
  auto wait = kWait / static_cast<int>(sockets_.size());
  while (!interruption.happened()) {
    if (seconds_) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return;
      wait = std::min(wait, left);
    }
    for (const auto& socket : sockets_)
      if (!read(socket, wait, take)) return;
    if (between) between();
  }
}

std::string EngineSamples::lost_text() const {
  if (lost_ == 0) return {};
  return counted(lost_, "sample was", "samples were") +
         " lost: taken, but not asked for in time, or without room in the engine";
}

}  // namespace postern::cli
