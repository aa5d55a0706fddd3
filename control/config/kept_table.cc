// SPDX-License-Identifier: BSD-3-Clause
//
// A file that another process of ours wrote last is as good as one of this process.
#include "control/config/kept_table.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <filesystem>
#include <span>

#include "control/policy/log_text.h"
#include "rules/text/file_text.h"
#include "rules/text/replace_file.h"

namespace postern::config {
namespace {

constexpr size_t kMaxFile = 64u << 20;

}  // namespace

void KeptTable::read(int64_t now) {
  std::error_code none;
  if (path_.empty() || !std::filesystem::exists(path_, none)) return;
  try {
    const auto file = read_file_text(path_, kMaxFile);
    const size_t bad = table_.read(file.text, now);
    spdlog::info("{} state=read file={} {}={} bad-lines={}", table_.name, path_, table_.count,
                 table_.size(), bad);
  } catch (const std::exception& error) {
    spdlog::error("{} state=refused file={} error={}", table_.name, path_,
                  policy::log_value(error.what()));
  }
}

bool KeptTable::write(std::chrono::milliseconds) {
  if (path_.empty() || !changed()) return true;
  try {
    const std::string text = table_.text();
    ReplacementFile file(path_);
    file.write(std::as_bytes(std::span(text)));
    file.put_in_place();
    written_changes_ = table_.changes();
    if (!worked_) spdlog::info("{} state=written file={}", table_.name, path_);
    worked_ = true;
  } catch (const std::exception& error) {
    if (worked_)
      spdlog::error("{} state=refused file={} error={}", table_.name, path_,
                    policy::log_value(error.what()));
    worked_ = false;
  }
  return worked_;
}

}  // namespace postern::config
