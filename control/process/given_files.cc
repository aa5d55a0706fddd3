// SPDX-License-Identifier: BSD-3-Clause
//
// Packed: for each file its mode and three lengths of 32 bits (host order: both sides are one
// program on one host), then the path, the text and the error.
#include "control/process/given_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"
#include "rules/text/private_text.h"

namespace postern::process {
namespace {

using Head = std::array<uint32_t, 4>;

std::string read_all(int descriptor) {
  std::string all;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count =
        ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(all.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::system_error(errno, std::system_category(), "files of the parent");
    if (count == 0) return all;
    all.append(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace

GivenFiles GivenFiles::read(const std::vector<std::string>& paths) {
  GivenFiles result;
  for (const auto& path : paths) {
    File file;
    try {
      auto read = read_file_text(path, kMaxBytes);
      file.text = std::move(read.text);
      file.mode = static_cast<uint32_t>(read.mode);
    } catch (const BadInput& error) {
      file.error = error.diagnostics().front().message;
    }
    result.files_.insert_or_assign(path, std::move(file));
  }
  return result;
}

const std::string& GivenFiles::text(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end())
    throw BadInput(Diagnostic{.file = path, .message = "was not there when files were read"});
  if (!found->second.error.empty())
    throw BadInput(Diagnostic{.file = path, .message = found->second.error});
  return found->second.text;
}

const std::string& GivenFiles::private_text(const std::string& path) const {
  const std::string& result = text(path);
  require_private_mode(path, files_.at(path).mode);
  return result;
}

void GivenFiles::update(const GivenFiles& newer) {
  for (const auto& [path, file] : newer.files_)
    if (file.error.empty()) files_.insert_or_assign(path, file);
}

listen::Descriptor GivenFiles::pack() const {
  std::string all;
  for (const auto& [path, file] : files_) {
    const Head head = {file.mode, static_cast<uint32_t>(path.size()),
                       static_cast<uint32_t>(file.text.size()),
                       static_cast<uint32_t>(file.error.size())};
    all.append(reinterpret_cast<const char*>(head.data()), sizeof head);
    all += path + file.text + file.error;
  }
  listen::Descriptor memory(::memfd_create("postern-files", MFD_CLOEXEC));
  size_t written = 0;
  while (memory && written < all.size()) {
    const ssize_t count = ::write(memory.get(), all.data() + written, all.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) memory = listen::Descriptor();
    written += static_cast<size_t>(std::max<ssize_t>(count, 0));
  }
  if (!memory) throw std::system_error(errno, std::system_category(), "files for the workers");
  return memory;
}

GivenFiles GivenFiles::unpack(int descriptor) {
  const std::string all = read_all(descriptor);
  GivenFiles result;
  size_t at = 0;
  const auto take = [&](size_t length) {
    if (all.size() - at < length) throw std::runtime_error("files of the parent: cut off");
    at += length;
    return all.substr(at - length, length);
  };
  while (at < all.size()) {
    const std::string octets = take(sizeof(Head));
    Head head;
    std::memcpy(head.data(), octets.data(), sizeof head);
    std::string path = take(head[1]);
    std::string text = take(head[2]);
    result.files_.insert_or_assign(std::move(path), File{std::move(text), take(head[3]), head[0]});
  }
  return result;
}

}  // namespace postern::process
