// SPDX-License-Identifier: BSD-3-Clause
//
// Settings as Boost.Program_options read them, turned into what they mean; what is wrong is told
// with the name of the setting, and with its place where it stands in the config file.
#pragma once

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/value.h"

namespace postern::config {

// A setting that has one value, and one that may be given several times, each adding to it; told in
// the help as `--name VALUE`. The caller owns the result, as Boost.Program_options has it.
inline auto* one_text(const char* value_name) {
  return boost::program_options::value<std::string>()->value_name(value_name);
}
inline auto* several_texts(const char* value_name) {
  return boost::program_options::value<std::vector<std::string>>()->composing()->value_name(
      value_name);
}

// The command line is wrong (exit status 2); what() is one line. What is wrong in the config file
// is BadInput (exit status 1).
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where each setting of the config file stands, and what is wrong there.
class ConfigFile {
 public:
  enum class Others : uint8_t { kRefuse, kIgnore };  // settings that the description lacks

  // Reads the file's settings into `given`, behind those that are there. Throws BadInput.
  static ConfigFile read(const std::string& name,
                         const boost::program_options::options_description& description,
                         boost::program_options::variables_map& given,
                         Others others = Others::kRefuse);

  // The line that says `option`, and where the value is told apart, the one with that value.
  [[noreturn]] void refuse(const std::string& option, const std::string& value,
                           const std::string& message) const;
  bool says(const std::string& option) const { return places_.contains(option); }

 private:
  ConfigFile(std::string name, const std::string& text);

  std::string name_;
  std::vector<std::string> lines_;
  std::map<std::string, std::vector<uint32_t>> places_;
};

// Converts what was given, and complains in the right place.
class Values {
 public:
  using Strings = std::vector<std::string>;

  // file: null where there is none. Both outlive this.
  Values(const boost::program_options::variables_map& given, const ConfigFile* file)
      : given_(given), file_(file) {}

  bool has(const std::string& name) const { return given_.contains(name); }

  void text(const std::string& name, std::string& into) const {
    if (has(name)) into = given_[name].as<std::string>();
  }
  Strings texts(const std::string& name) const {
    return has(name) ? given_[name].as<Strings>() : Strings{};
  }
  void yes_or_no(const std::string& name, bool& into) const;
  void time(const std::string& name, std::chrono::milliseconds& into,
            std::chrono::milliseconds least,
            std::chrono::milliseconds most = std::chrono::milliseconds::max()) const;
  template <typename Number>
  void size(const std::string& name, Number& into, uint64_t least) const {
    convert(name, into, parse_size, "a size such as 65536, 256K or 50M",
            [&](uint64_t value) { return value >= least; });
  }
  template <typename Number>
  void number(const std::string& name, Number& into, uint64_t least, uint64_t most) const {
    const auto plain = [](std::string_view text) {
      const bool digits =
          std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
      return digits ? parse_size(text) : std::nullopt;
    };
    convert(name, into, plain,
            "a number from " + std::to_string(least) + " to " + std::to_string(most),
            [&](uint64_t value) { return value >= least && value <= most; });
  }

  // "NAME is to be EXPECTED, not VALUE, which FAULT". fault: as in "has an empty label"; may be
  // left out.
  [[noreturn]] void refuse(const std::string& name, const std::string& value,
                           const std::string& expected, const std::string& fault = "") const {
    std::string message = name + " is to be " + expected;
    if (!value.empty()) message += ", not \"" + value + '"';
    if (!value.empty() && !fault.empty()) message += ", which " + fault;
    refuse_with(name, value, message);
  }
  // message: all of it.
  [[noreturn]] void refuse_with(const std::string& name, const std::string& value,
                                const std::string& message) const;

 private:
  template <typename Into, typename Parse, typename Accept>
  void convert(const std::string& name, Into& into, Parse parse, const std::string& expected,
               Accept acceptable) const {
    if (!has(name)) return;
    const auto& text = given_[name].as<std::string>();
    const auto value = parse(text);
    if (!value || !acceptable(*value)) refuse(name, text, expected);
    into = static_cast<Into>(*value);
  }

  const boost::program_options::variables_map& given_;
  const ConfigFile* file_;
};

}  // namespace postern::config
