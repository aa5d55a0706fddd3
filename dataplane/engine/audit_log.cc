// SPDX-License-Identifier: BSD-3-Clause
//
// Writing audit lines (dataplane/engine/audit_log.h). A line is one write() to a file in append
// mode; of one that did not fit whole, what was written is cut off again.
#include "dataplane/engine/audit_log.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "dataplane/engine/request.h"
#include "rules/text/json_text.h"

namespace postern {
namespace {

namespace json = boost::json;

constexpr mode_t kMode = 0640;

// RFC 3339, in microseconds.
std::string utc_now() {
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(now / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%06dZ", static_cast<int>(now % 1'000'000));
  return text;
}

// A descriptor, or -1 with errno.
int open_for_append(const std::string& path) noexcept {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, kMode);
}

// 0, or what went wrong as errno.
int append(const std::string& path, const std::string& line) noexcept {
  const int file = open_for_append(path);
  if (file < 0) return errno;
  struct stat before {};
  int error = ::fstat(file, &before) == 0 ? 0 : errno;
  if (error == 0) {
    const auto written = ::write(file, line.data(), line.size());
    if (written < 0)
      error = errno;
    else if (static_cast<size_t>(written) < line.size())
      error = ::ftruncate(file, before.st_size) == 0 ? ENOSPC : errno;
  }
  if (::close(file) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace

Caller this_engine() {
  return {Role::kOperator, "the engine's clock", {{"by", "clock"}}};
}

AuditLog::AuditLog(std::string path, std::string engine)
    : path_(std::move(path)), engine_(std::move(engine)) {
  if (path_.empty()) return;
  const int file = open_for_append(path_);
  if (file < 0)
    throw std::runtime_error("the audit log " + path_ +
                             " cannot be written: " + std::generic_category().message(errno));
  ::close(file);
}

json::object AuditLog::begin(std::string_view event) {
  return {{"time", utc_now()}, {"event", json_text(event)}, {"engine", json_text(engine_)}};
}

void AuditLog::write(const json::object& line) {
  const auto text = json::serialize(line);
  spdlog::info("event=audit {}", text);
  if (path_.empty()) return;
  if (const int error = append(path_, text + '\n'); error != 0)
    throw ApiRefusal{500, "nothing is changed, as the audit log " + path_ +
                              " cannot be written: " + std::generic_category().message(error)};
}

uint64_t AuditLog::record(const Caller& who, std::string_view what, json::value before,
                          json::value after) {
  auto line = begin("change");
  line["number"] = next_;
  line["who"] = who.identity;
  line["what"] = json_text(what);
  line["before"] = std::move(before);
  line["after"] = std::move(after);
  write(line);
  return next_++;
}

void AuditLog::failed(uint64_t number, std::string_view why) noexcept {
  try {
    auto line = begin("failed");
    line["number"] = number;
    line["why"] = json_text(why.substr(0, why.find('\n')));
    write(line);
  } catch (const ApiRefusal& refusal) {
    spdlog::error("event=audit-lost number={} why=\"{}\"", number, refusal.line);
  } catch (const std::exception&) {
    // Out of memory: the change was not made, and its line is there.
  }
}

void AuditLog::refused(const Caller& who, std::string_view request) noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    refusals_ = 0;
  }
  if (refusals_ == kRefusalsPerSecond) {
    left_out_++;
    return;
  }
  refusals_++;
  try {
    auto line = begin("refused");
    line["who"] = who.identity;
    line["role"] = word(who.role);
    line["request"] = json_text(request.substr(0, 256));
    if (left_out_ > 0) line["left_out"] = left_out_;
    left_out_ = 0;
    write(line);
  } catch (const ApiRefusal& refusal) {
    spdlog::error("event=audit-lost why=\"{}\"", refusal.line);
  } catch (const std::exception&) {
    // Out of memory: it was refused.
  }
}

}  // namespace postern
