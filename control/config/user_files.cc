// SPDX-License-Identifier: BSD-3-Clause
//
// SQLite opens a file that it may not write for reading, and would only say so when it writes: what
// counts is asked of the kernel.
#include "control/config/user_files.h"

#include <fcntl.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "control/listen/descriptor.h"
#include "control/policy/log_text.h"

namespace postern::config {
namespace {

std::string user_name(const Options& options) {
  return options.user.empty() ? "this user" : "user " + options.user;
}

std::string folder_of(const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path();
  return folder.empty() ? "." : folder.string();
}

// Why files cannot be made there and, where it is, the file not be written; empty: they can.
std::string fault_of(const std::string& file) {
  const std::string folder = folder_of(file);
  if (::access(file.c_str(), F_OK) == 0 && ::access(file.c_str(), W_OK) != 0)
    return "may not write it: " + std::string(std::strerror(errno));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return "may not make files in its folder: " + std::string(std::strerror(errno));
  return {};
}

void require_spool(const Options& options) {
  const auto& folder = options.spool_directory;
  const listen::Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file)
    throw std::runtime_error("spool " + folder + ": " + user_name(options) +
                             " cannot make files there: " + std::strerror(errno));
}

}  // namespace

void require_user_files(const Options& options) {
  if (options.takes_messages()) require_spool(options);
  if (options.reputation != ":memory:")
    if (const auto fault = fault_of(options.reputation); !fault.empty())
      throw std::runtime_error("reputation " + options.reputation + ": " + user_name(options) +
                               ' ' + fault);
  // What these keep is a convenience.
  for (const auto& [name, file] : {std::pair{"known-sources", options.known_sources},
                                   std::pair{"dns-silent", options.names.silent_zones_file},
                                   std::pair{"learned-file", options.learning.file}}) {
    if (file.empty()) continue;
    if (const auto fault = fault_of(file); !fault.empty())
      spdlog::error("{} state=refused file={} error={}", name, file,
                    policy::log_value(user_name(options) + ' ' + fault));
  }
}

}  // namespace postern::config
