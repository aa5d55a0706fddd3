// SPDX-License-Identifier: BSD-3-Clause
//
// A file is: magic (8 octets), the key (32), the length of what follows the header (8, big endian),
// SHA-256 of the three and of what follows (32), and the bytes.
#include "control/names/database_cache.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <system_error>

#include "rules/text/cursor.h"
#include "rules/text/replace_file.h"

namespace postern::names {
namespace {

constexpr std::string_view kMagic = "PSNAMES1";
constexpr size_t kHeader = 8 + 32 + 8 + 32;

std::string_view text_of(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string big_endian(uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

Digest checksum(const Digest& key, std::string_view bytes) {
  std::string all(kMagic);
  all += text_of(key);
  all += big_endian(bytes.size());
  all += bytes;
  return sha256(all);
}

// A descriptor, closed at the end.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// Empty: fine.
std::string distrust(const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return "no regular file";
  if (file.st_uid != 0 && file.st_uid != ::geteuid()) return "of another user";
  if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "writable by others";
  if (static_cast<uint64_t>(file.st_size) < kHeader) return "too short";
  if (static_cast<uint64_t>(file.st_size) > kHeader + DatabaseCache::kMaxBytes) return "too long";
  return {};
}

bool read_all(int fd, std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

// Makes the folder, and those above it, for their owner.
void make_folder(const std::string& path) {
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
    ::mkdir(path.substr(0, end).c_str(), 0755);
  ::mkdir(path.c_str(), 0700);  // what went wrong is told by writing into it
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
  return digest;
}

std::string DatabaseCache::path_of(const Digest& key) const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name;
  for (const uint8_t octet : key) {
    name += kDigits[octet >> 4];
    name += kDigits[octet & 15];
  }
  return folder_ + '/' + name + ".names";
}

std::optional<std::string> DatabaseCache::load(const Digest& key) {
  why_.clear();
  const auto path = path_of(key);
  const auto refuse = [&](std::string_view what) {
    why_ = path + ": " + std::string(what);
    return std::nullopt;
  };
  const OpenFile file(path);
  if (file.fd() < 0) return errno == ENOENT ? std::nullopt : refuse(std::strerror(errno));
  struct stat status;
  if (::fstat(file.fd(), &status) != 0) return refuse(std::strerror(errno));
  if (const auto what = distrust(status); !what.empty()) return refuse(what);
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  if (!read_all(file.fd(), bytes)) return refuse("cannot be read to its end");
  Cursor cursor(bytes);
  cursor.expect(kMagic);
  if (cursor.failed()) return refuse("of another format");
  if (cursor.take(key.size()) != text_of(key)) return refuse("of other patterns");
  if (cursor.take(8) != big_endian(bytes.size() - kHeader)) return refuse("of another length");
  const auto sum = cursor.take(sizeof(Digest));
  const auto content = cursor.rest();
  if (sum != text_of(checksum(key, content))) return refuse("damaged");
  return std::string(content);
}

bool DatabaseCache::store(const Digest& key, std::string_view bytes) {
  why_.clear();
  if (bytes.size() > kMaxBytes) {
    why_ = path_of(key) + ": too long to be kept";
    return false;
  }
  try {
    make_folder(folder_);
    ReplacementFile file(path_of(key));
    const auto write = [&](std::string_view part) {
      file.write(std::as_bytes(std::span(part.data(), part.size())));
    };
    write(kMagic);
    write(text_of(key));
    write(big_endian(bytes.size()));
    write(text_of(checksum(key, bytes)));
    write(bytes);
    file.put_in_place();
  } catch (const std::system_error& error) {
    why_ = error.what();
    return false;
  }
  return true;
}

}  // namespace postern::names
