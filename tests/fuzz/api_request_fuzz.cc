// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as a request of the management API: the first line is `METHOD TARGET`, the rest the
// body. Whatever it says, the answer is JSON (or the metrics), an error is one line, and the table
// of entries holds only what may be in it. Loading a snapshot by its path is left to the body's
// reader: the paths here are not ours to open.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dataplane/engine/api.h"
#include "dataplane/engine/request.h"
#include "tests/dataplane/engine/memory_engine.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_readers(std::string_view body) {
  const auto check_refusal = [](const ApiRefusal& refusal) {
    require(refusal.status == 400 || refusal.status == 422);
    require(!refusal.line.empty() && refusal.line.size() < 512);
  };
  try {
    const auto request = read_entry_request(body);
    require(DynamicTable::kind_of(request.prefix).has_value());
    require(request.seconds >= 1 && request.seconds <= kMaxEntrySeconds);
    require(request.reason.size() <= DynamicTable::kMaxReasonBytes);
  } catch (const ApiRefusal& refusal) {
    check_refusal(refusal);
  }
  try {
    require(DynamicTable::kind_of(read_removal_request(body).prefix).has_value());
  } catch (const ApiRefusal& refusal) {
    check_refusal(refusal);
  }
  try {
    require(read_snapshot_request(body).path.starts_with('/'));
  } catch (const ApiRefusal& refusal) {
    check_refusal(refusal);
  }
  try {
    read_explain_request(body);
  } catch (const ApiRefusal& refusal) {
    check_refusal(refusal);
  }
  try {
    const auto request = read_entries_request(body);
    require(request.limit >= 1);
    require(!request.address || (!request.after && request.limit == SIZE_MAX));
  } catch (const ApiRefusal& refusal) {
    check_refusal(refusal);
  }
  try {
    const auto request = read_samples_request(body);
    require(request.wish.reasons != 0 && request.wish.every >= 1);
    require(request.wish.snap >= 1 && request.wish.snap <= PS_SAMPLE_MAX_BYTES);
    require(request.limit >= 1 && request.limit <= SamplesRequest::kMaxLimit);
  } catch (const ApiRefusal& refusal) {
    check_refusal(refusal);
  }
}

void check_answer(const ApiAnswer& answer) {
  require(answer.status == 200 || answer.status == 400 || answer.status == 404 ||
          answer.status == 405 || answer.status == 413 || answer.status == 422 ||
          answer.status == 503);
  if (answer.pending) return;
  require((answer.status == 405) == !answer.allow.empty());
  if (answer.content_type != "application/json") return;
  boost::json::error_code error;
  const auto value =
      boost::json::parse(boost::json::string_view(answer.body.data(), answer.body.size()), error);
  require(!error && value.is_object());
  if (answer.status == 200) return;
  const auto* line = value.get_object().if_contains("error");
  require(line && line->is_string() && line->get_string().find('\n') == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static MemoryEngine engine(32);
  static Api api(engine);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line_end = input.find('\n');
  const auto line = input.substr(0, line_end);
  const auto body =
      line_end == std::string_view::npos ? std::string_view{} : input.substr(line_end + 1);
  const auto space = line.find(' ');
  const auto method = line.substr(0, space);
  const auto target = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);

  check_readers(body);
  if (method != "PUT") check_answer(api.handle(this_engine(), method, target, body));
  require(engine.dynamic().size() <= engine.dynamic().capacity() * DynamicTable::kSlotsPerEntry);
  return 0;
}
