// SPDX-License-Identifier: BSD-3-Clause
//
// SMTP smuggling: a message hidden in another, because two servers do not agree where the first one
// ends. Every string of up to kLongest octets over CR, LF, NUL, '.' and 'x' is put before the end
// of a message, and behind it. Each comes whole, in two pieces cut at every place, and octet by
// octet; those of up to kLongestInAllWays in every way to cut them. Whatever a client sends: we end
// a message at CRLF.CRLF and nowhere else, and what we send on ends at one and the same octet for
// every reading that a farm may have: the strict one, and those that Postfix, Exim and Sendmail had
// before they were mended (CVE-2023-51764, -51766, -51765), which are still in use.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/smtp/data_reader.h"
#include "control/smtp/server_session.h"

namespace postern::smtp {
namespace {

constexpr std::array<char, 5> kAlphabet = {'\r', '\n', '\0', '.', 'x'};
constexpr size_t kLongest = 7;
constexpr size_t kLongestInAllWays = 3;

// How one reading understands the octets behind DATA.
struct Reading {
  bool ended = false;
  size_t taken = 0;  // octets up to and with the end
  std::string text;  // lines, each with CRLF, dots taken off
  bool operator==(const Reading&) const = default;
};

// Which octets end a line for a server.
struct Dialect {
  const char* name;
  bool bare_lf;
  bool bare_cr;
  bool strips_crs;  // any number of CR before the LF belong to the line end
  bool drops_nuls;
};
constexpr std::array<Dialect, 6> kDialects = {{{"strict", false, false, false, false},
                                               {"Postfix, bare LF", true, false, true, false},
                                               {"Exim, bare LF or CR", true, true, false, false},
                                               {"Sendmail, bare LF", true, false, false, false},
                                               {"bare CR", false, true, false, false},
                                               {"without NUL", false, false, false, true}}};

Reading read_as(const Dialect& dialect, std::string_view bytes) {
  Reading reading;
  std::string line;
  for (size_t i = 0; i < bytes.size(); i++) {
    const char c = bytes[i];
    if (c == '\0' && dialect.drops_nuls) continue;
    const char next = i + 1 < bytes.size() ? bytes[i + 1] : '\0';
    bool ends = false;
    if (c == '\r' && next == '\n') {
      ends = true;
      i++;
    } else {
      ends = (c == '\n' && dialect.bare_lf) || (c == '\r' && dialect.bare_cr);
    }
    if (!ends) {
      line += c;
      continue;
    }
    while (dialect.strips_crs && line.ends_with('\r')) line.pop_back();
    if (line == ".") {
      reading.ended = true;
      reading.taken = i + 1;
      return reading;
    }
    reading.text += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
    line.clear();
  }
  return reading;
}

template <typename Visit>
void every_string(size_t longest, Visit visit) {
  std::string text;
  const auto grow = [&](const auto& self) -> void {
    visit(std::as_const(text));
    if (text.size() == longest) return;
    for (const char c : kAlphabet) {
      text.push_back(c);
      self(self);
      text.pop_back();
    }
  };
  grow(grow);
}

// The messages that were taken, and what was answered.
struct Result {
  std::vector<std::string> messages;
  std::string output;
  bool operator==(const Result&) const = default;
};

class Front {
 public:
  explicit Front(BareLineEnds bare) : session_(options(bare)) {
    session_.greet();
    feed("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
  }
  void feed(std::string_view bytes) {
    session_.receive(bytes);
    while (auto event = session_.next()) on(*event);
    result_.output += session_.take_output();
  }
  const Result& result() const { return result_; }

 private:
  static ServerOptions options(BareLineEnds bare) {
    ServerOptions options;
    options.name = "mx";
    options.bare_line_ends = bare;
    return options;
  }
  void on(Event& event) {
    if (std::holds_alternative<HelloEvent>(event)) {
      session_.answer_hello({.size = 1000});
    } else if (std::holds_alternative<DataEvent>(event)) {
      text_.clear();
      session_.answer(make_reply(354, "", "go"));
    } else if (const auto* text = std::get_if<TextEvent>(&event)) {
      text_ += text->bytes;
    } else if (const auto* end = std::get_if<EndOfDataEvent>(&event)) {
      if (end->refusal) return;
      result_.messages.push_back(text_);
      session_.answer(make_reply(250, "", "taken"));
    } else if (session_.answer_due()) {
      session_.answer(make_reply(250, "", "fine"));
    }
  }

  ServerSession session_;
  std::string text_;
  Result result_;
};

std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c == '\r')
      text += "\\r";
    else if (c == '\n')
      text += "\\n";
    else
      text += c == '\0' ? "\\0" : std::string(1, c);
  }
  return text;
}

// Whoever reads what we send finds this message, all of it, and nothing behind it.
void expect_one_end(const std::string& message, std::string_view sent) {
  DotStuffer stuffer;
  std::string wire;
  stuffer.update(message, wire);
  stuffer.finish(wire);
  const Reading strict = read_as(kDialects[0], wire + "RSET\r\n");
  ASSERT_TRUE(strict.ended && strict.taken == wire.size()) << shown(sent);
  for (const Dialect& dialect : kDialects)
    ASSERT_EQ(read_as(dialect, wire + "RSET\r\n"), strict) << dialect.name << ": " << shown(sent);
}

// What is cut are the first `length` octets, and behind them; of those some `varied` are the
// string.
void expect_same_in_pieces(const Front& ready, std::string_view sent, size_t length, size_t varied,
                           const Result& whole) {
  const auto in_pieces = [&](auto ends_at) {
    Front pieces = ready;
    size_t begin = 0;
    for (size_t end = 1; end <= length; end++) {
      if (!ends_at(end)) continue;
      pieces.feed(sent.substr(begin, end - begin));
      begin = end;
    }
    pieces.feed(sent.substr(begin));
    return pieces.result();
  };
  for (size_t cut = 1; cut <= length; cut++)
    ASSERT_EQ(in_pieces([cut](size_t end) { return end == cut; }), whole)
        << shown(sent) << " cut at " << cut;
  ASSERT_EQ(in_pieces([](size_t) { return true; }), whole) << shown(sent) << " octet by octet";
  if (varied > kLongestInAllWays) return;
  for (uint32_t cuts = 0; cuts < 1u << length; cuts++)
    ASSERT_EQ(in_pieces([cuts](size_t end) { return (cuts >> (end - 1) & 1) != 0; }), whole)
        << shown(sent) << " cut at the bits of " << cuts;
}

void check_all(BareLineEnds bare) {
  const Front ready(bare);
  every_string(kLongest, [&](const std::string& middle) {
    if (testing::Test::HasFatalFailure()) return;
    const std::string sent = "a" + middle + "\r\n.\r\nNOOP\r\n";
    Front whole = ready;
    whole.feed(sent);
    // The end is where the strict reading has it, whether we take the message or not.
    const Reading strict = read_as(kDialects[0], sent);
    const std::string_view text = std::string_view(sent).substr(0, strict.taken - 5);
    bool has_bare = false;
    for (size_t i = 0; i < text.size(); i++) {
      const bool pair = text.substr(i, 2) == "\r\n";
      has_bare |= !pair && (text[i] == '\r' || text[i] == '\n');
      i += pair ? 1 : 0;
    }
    const bool has_nul = text.find('\0') != std::string_view::npos;
    const size_t expected = has_nul || (has_bare && bare == BareLineEnds::kRefuse) ? 0 : 1;
    ASSERT_EQ(whole.result().messages.size(), expected) << shown(sent);
    if (!has_bare && expected == 1) {
      ASSERT_EQ(whole.result().messages[0], strict.text);
    }
    for (const auto& message : whole.result().messages) expect_one_end(message, sent);
    expect_same_in_pieces(ready, sent, middle.size() + 6, middle.size(), whole.result());
  });
}

TEST(Smuggling, WhatIsRefusedIsNeverSentOn) {
  check_all(BareLineEnds::kRefuse);
}

TEST(Smuggling, WhatIsNormalisedHasOneEnd) {
  check_all(BareLineEnds::kNormalise);
}

// What stands behind the end is commands, and bad ones: never text of the message before, nor one
// of its own. The answers to them are the same for every cut, too.
TEST(Smuggling, WhatComesBehindTheEndIsNoMessage) {
  const Front ready(BareLineEnds::kRefuse);
  every_string(kLongest, [&](const std::string& behind) {
    if (testing::Test::HasFatalFailure()) return;
    const std::string end = "a\r\n.\r\n";
    const std::string sent = end + behind + "\r\n.\r\nNOOP\r\n";
    Front whole = ready;
    whole.feed(sent);
    ASSERT_EQ(whole.result().messages, std::vector<std::string>{"a\r\n"}) << shown(sent);
    expect_same_in_pieces(ready, sent, end.size() + behind.size(), behind.size(), whole.result());
  });
}

// As a chunk there is no end to find: the same octets, all of them text.
TEST(Smuggling, ChunksGoOnWithOneEnd) {
  every_string(kLongest, [&](const std::string& middle) {
    if (testing::Test::HasFatalFailure()) return;
    for (const auto bare : {BareLineEnds::kRefuse, BareLineEnds::kNormalise}) {
      const std::string sent = "a" + middle + "\r\n";
      DataReader reader(Framing::kChunks, bare, 1000);
      std::string text;
      reader.consume(sent, text);
      reader.finish(text);
      for (size_t cut = 0; cut < sent.size(); cut++) {  // 0: octet by octet
        DataReader pieces(Framing::kChunks, bare, 1000);
        std::string same;
        const size_t first = cut == 0 ? 1 : cut, others = cut == 0 ? 1 : sent.size();
        pieces.consume(std::string_view(sent).substr(0, first), same);
        for (size_t at = first; at < sent.size(); at += others)
          pieces.consume(std::string_view(sent).substr(at, others), same);
        pieces.finish(same);
        ASSERT_EQ(pieces.nul(), reader.nul()) << shown(sent) << " cut at " << cut;
        ASSERT_EQ(pieces.bare_line_end(), reader.bare_line_end()) << shown(sent) << cut;
        // Of what is refused nothing goes on.
        if (reader.nul() || (reader.bare_line_end() && bare == BareLineEnds::kRefuse)) continue;
        ASSERT_EQ(same, text) << shown(sent) << " cut at " << cut;
      }
      if (reader.nul() || (reader.bare_line_end() && bare == BareLineEnds::kRefuse)) continue;
      if (!reader.bare_line_end()) {
        ASSERT_EQ(text, sent);
      }
      expect_one_end(text, sent);
    }
  });
}

// The dialects are worth comparing: handed on as it came, much of this would be read in two ways.
TEST(Smuggling, TheReadingsDisagreeAboutWhatClientsSend) {
  std::array<size_t, kDialects.size()> differ{};
  every_string(5, [&](const std::string& middle) {
    const std::string sent = "a" + middle + "\r\n.\r\n";
    const size_t strict = read_as(kDialects[0], sent).taken;
    for (size_t i = 0; i < kDialects.size(); i++)
      differ[i] += read_as(kDialects[i], sent).taken != strict;
  });
  EXPECT_EQ(differ[0], 0u);
  for (size_t i = 1; i < kDialects.size(); i++) EXPECT_GT(differ[i], 5u) << kDialects[i].name;
}

}  // namespace
}  // namespace postern::smtp
