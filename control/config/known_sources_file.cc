// SPDX-License-Identifier: BSD-3-Clause
//
// Read whole and replaced whole.
#include "control/config/known_sources_file.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <filesystem>
#include <span>

#include "control/smtp/log_text.h"
#include "rules/text/file_text.h"
#include "rules/text/replace_file.h"

namespace postern::config {
namespace {

constexpr size_t kMaxFile = 64u << 20;

}  // namespace

void KnownSourcesFile::read(int64_t now) {
  std::error_code none;
  if (path_.empty() || !std::filesystem::exists(path_, none)) return;
  try {
    const auto file = read_file_text(path_, kMaxFile);
    const size_t bad = sources_.read(file.text, now);
    spdlog::info("known-sources state=read file={} sources={} bad-lines={}", path_, sources_.size(),
                 bad);
  } catch (const std::exception& error) {
    spdlog::error("known-sources state=refused file={} error={}", path_,
                  smtp::log_value(error.what()));
  }
}

bool KnownSourcesFile::write() {
  if (path_.empty() || sources_.changes() == written_changes_) return true;
  try {
    const std::string text = sources_.text();
    ReplacementFile file(path_);
    file.write(std::as_bytes(std::span(text)));
    file.put_in_place();
    written_changes_ = sources_.changes();
    if (!worked_) spdlog::info("known-sources state=written file={}", path_);
    worked_ = true;
  } catch (const std::exception& error) {
    if (worked_)
      spdlog::error("known-sources state=refused file={} error={}", path_,
                    smtp::log_value(error.what()));
    worked_ = false;
  }
  return worked_;
}

}  // namespace postern::config
