// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a message from a file in pieces, with its line ends made CRLF on the way.
#include "control/auth/verify_file.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>
#include <string_view>

#include "control/auth/message_file.h"
#include "rules/text/diagnostic.h"

namespace postern::auth {
namespace asio = boost::asio;
namespace {

constexpr size_t kPiece = 64 * 1024;

[[noreturn]] void cannot_read(const std::string& name, const char* why) {
  Diagnostic diagnostic;
  diagnostic.file = name;
  diagnostic.message = std::string("cannot be read: ") + why;
  throw BadInput(std::move(diagnostic));
}

}  // namespace

AuthResult verify_stream(std::istream& message, const std::string& name, const Envelope& envelope,
                         dns::Resolver& resolver, asio::io_context& loop) {
  Authenticator authenticator;
  WireLineEnds line_ends;
  std::array<char, kPiece> buffer;
  bool is_first = true;
  bool in_mbox_line = false;
  while (true) {
    message.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    std::string_view piece(buffer.data(), static_cast<size_t>(message.gcount()));
    if (piece.empty()) break;
    if (is_first) in_mbox_line = is_mbox_line(piece);
    is_first = false;
    if (in_mbox_line) {
      const auto end = piece.find('\n');
      if (end == std::string_view::npos) continue;
      piece.remove_prefix(end + 1);
      in_mbox_line = false;
    }
    authenticator.update(line_ends.convert(piece));
  }
  if (message.bad()) cannot_read(name, "input/output error");

  std::optional<AuthResult> result;
  std::exception_ptr failure;
  asio::co_spawn(loop, authenticator.finish(envelope, resolver),
                 [&](std::exception_ptr error, AuthResult value) {
                   failure = error;
                   result = std::move(value);
                 });
  loop.restart();
  while (!result && loop.run_one() != 0) {
  }
  if (failure) std::rethrow_exception(failure);
  return std::move(result).value();
}

AuthResult verify_file(const std::string& path, const Envelope& envelope, dns::Resolver& resolver,
                       asio::io_context& loop) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) cannot_read(path, std::strerror(errno != 0 ? errno : EIO));
  return verify_stream(file, path, envelope, resolver, loop);
}

AuthResult verify_file(const std::string& path, const Envelope& envelope, dns::Resolver& resolver) {
  asio::io_context loop(1);
  return verify_file(path, envelope, resolver, loop);
}

}  // namespace postern::auth
