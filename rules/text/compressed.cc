// SPDX-License-Identifier: BSD-3-Clause
//
// Unpacking gzip (zlib) and xz (liblzma); see compressed.h. Both libraries step through the input
// and fill what room they are given; Room gives it, up to the limit.
#include "rules/text/compressed.h"

#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <string_view>

#include "rules/text/diagnostic.h"

namespace postern {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kXzMagic{
    "\xfd"
    "7zXZ\0",
    6};
constexpr uint64_t kXzMemory = uint64_t{256} << 20;  // four times what `xz -9` makes one need

// Where the output goes: it grows as it fills, and says when there is no more.
class Room {
 public:
  Room(size_t packed, size_t max_bytes) : max_bytes_(max_bytes) {
    bytes_.resize(std::min(packed * 4 + 4096, limit()));
  }
  // The room behind what is filled; empty at the limit, one byte beyond what is allowed.
  char* begin() { return bytes_.data() + filled_; }
  size_t size() {
    if (filled_ == bytes_.size()) bytes_.resize(std::min(filled_ * 2, limit()));
    return bytes_.size() - filled_;
  }
  void fill(size_t count) { filled_ += count; }
  bool overflows() const { return filled_ > max_bytes_; }
  std::string take() {
    bytes_.resize(filled_);
    return std::move(bytes_);
  }

 private:
  size_t limit() const { return max_bytes_ + 1; }
  std::string bytes_;
  size_t filled_ = 0, max_bytes_;
};

class Unpacking {
 public:
  Unpacking(std::string_view packed, const std::string& file, size_t max_bytes)
      : packed_(packed), file_(file), max_bytes_(max_bytes), room_(packed.size(), max_bytes) {}

  std::string gunzip();
  std::string unxz();

 private:
  [[noreturn]] void refuse(const std::string& message) const {
    throw BadInput(Diagnostic{.file = file_, .message = message});
  }
  [[noreturn]] void refuse_end(const char* format) const {
    refuse(std::string("is ") + format + " that ends too soon; is the file truncated?");
  }
  void filled(size_t count, const char* format) {
    room_.fill(count);
    if (room_.overflows())
      refuse(std::string("is ") + format + " of too much: at most " + std::to_string(max_bytes_) +
             " bytes are unpacked");
  }

  std::string_view packed_;  // what is left of it
  const std::string& file_;
  size_t max_bytes_;
  Room room_;
};

std::string Unpacking::gunzip() {
  struct Stream : z_stream {
    Stream() : z_stream{} {
      constexpr int kGzipOnly = 16;
      if (::inflateInit2(this, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
    }
    ~Stream() { ::inflateEnd(this); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
  } stream;
  constexpr size_t kMost = std::numeric_limits<uInt>::max();
  for (;;) {
    const auto room = std::min(room_.size(), kMost), given = std::min(packed_.size(), kMost);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed_.data()));
    stream.avail_in = static_cast<uInt>(given);
    stream.next_out = reinterpret_cast<Bytef*>(room_.begin());
    stream.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    packed_.remove_prefix(given - stream.avail_in);
    filled(room - stream.avail_out, "gzip");
    if (result == Z_STREAM_END) {
      // Another member may follow; so may zeros, which tapes and disks pad with.
      if (packed_.find_first_not_of('\0') == std::string_view::npos) return room_.take();
      if (!packed_.starts_with(kGzipMagic)) refuse("is gzip with something behind its end");
      ::inflateReset(&stream);
    } else if (result == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      refuse("is damaged gzip: " + std::string(stream.msg ? stream.msg : "not understood"));
    } else if (packed_.empty() && stream.avail_out > 0) {
      refuse_end("gzip");
    }
  }
}

std::string Unpacking::unxz() {
  struct Stream : lzma_stream {
    Stream() : lzma_stream(LZMA_STREAM_INIT) {
      if (::lzma_stream_decoder(this, kXzMemory, LZMA_CONCATENATED) != LZMA_OK)
        throw std::bad_alloc();
    }
    ~Stream() { ::lzma_end(this); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
  } stream;
  stream.next_in = reinterpret_cast<const uint8_t*>(packed_.data());
  stream.avail_in = packed_.size();
  for (;;) {
    const auto room = room_.size();
    stream.next_out = reinterpret_cast<uint8_t*>(room_.begin());
    stream.avail_out = room;
    const auto result = ::lzma_code(&stream, LZMA_FINISH);
    filled(room - stream.avail_out, "xz");
    switch (result) {
      case LZMA_OK:
        break;
      case LZMA_STREAM_END:
        return room_.take();
      case LZMA_BUF_ERROR:
        refuse_end("xz");
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        refuse("is xz that takes more than " + std::to_string(kXzMemory >> 20) +
               " MiB of memory to unpack");
      default:
        refuse("is damaged xz, or xz with something behind its end");
    }
  }
}

}  // namespace

std::string uncompressed(std::string bytes, const std::string& file, size_t max_bytes) {
  const std::string_view start(bytes);
  if (start.starts_with(kGzipMagic)) return Unpacking(bytes, file, max_bytes).gunzip();
  if (start.starts_with(kXzMagic)) return Unpacking(bytes, file, max_bytes).unxz();
  return bytes;
}

}  // namespace postern
