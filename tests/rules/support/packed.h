// SPDX-License-Identifier: BSD-3-Clause
//
// Packing text as gzip and xz, for the tests of what unpacks it.
#pragma once

#include <lzma.h>
#include <zlib.h>

#include <stdexcept>
#include <string>

namespace postern::test {

inline std::string gzipped(std::string text) {
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = ::deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("deflate");
  return packed;
}

inline std::string xzed(const std::string& text) {
  std::string packed(::lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  if (::lzma_easy_buffer_encode(
          0, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const uint8_t*>(text.data()), text.size(),
          reinterpret_cast<uint8_t*>(packed.data()), &size, packed.size()) != LZMA_OK)
    throw std::runtime_error("lzma_easy_buffer_encode");
  packed.resize(size);
  return packed;
}

}  // namespace postern::test
