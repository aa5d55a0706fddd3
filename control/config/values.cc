// SPDX-License-Identifier: BSD-3-Clause
//
// The config file is read twice: by Boost.Program_options for its values, and here, line by line,
// for where they stand.
#include "control/config/values.h"

#include <boost/program_options/parsers.hpp>
#include <sstream>
#include <utility>

#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"

namespace postern::config {

namespace po = boost::program_options;
using std::chrono::milliseconds;

namespace {

constexpr size_t kMaxFile = 1 << 20;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

ConfigFile::ConfigFile(std::string name, const std::string& text) : name_(std::move(name)) {
  std::istringstream lines(text);
  std::string line;
  for (uint32_t number = 1; std::getline(lines, line); number++) {
    lines_.push_back(line);
    const std::string key = trimmed(line.substr(0, line.find_first_of("=#")));
    if (!key.empty()) places_[key].push_back(number);
  }
}

void ConfigFile::refuse(const std::string& option, const std::string& value,
                        const std::string& message) const {
  Diagnostic diagnostic{.file = name_, .line = 0, .column = 0, .message = message, .source = {}};
  const auto places = places_.find(option);
  if (places != places_.end()) {
    for (const uint32_t number : places->second) {
      const std::string& line = lines_[number - 1];
      const size_t at = value.empty() ? std::string::npos : line.find(value);
      if (diagnostic.line != 0 && at == std::string::npos) continue;
      diagnostic.line = number;
      diagnostic.source = line;
      diagnostic.column = at == std::string::npos ? 1 : static_cast<uint32_t>(at + 1);
      if (at != std::string::npos) break;
    }
  }
  throw BadInput(diagnostic);
}

ConfigFile ConfigFile::read(const std::string& name, const po::options_description& description,
                            po::variables_map& given, Others others) {
  const std::string text = read_file_text(name, kMaxFile).text;
  ConfigFile file(name, text);
  std::istringstream stream(text);
  try {
    po::store(po::parse_config_file(stream, description, others == Others::kIgnore), given);
  } catch (const po::invalid_config_file_syntax& error) {
    file.refuse(error.tokens(), error.tokens(), "expected NAME = VALUE");
  } catch (const po::error_with_option_name& error) {
    // what() speaks of command lines; the place says more than the words.
    const std::string option = error.get_option_name();
    const auto* unknown = dynamic_cast<const po::unknown_option*>(&error);
    file.refuse(option, option,
                unknown != nullptr ? "there is no setting \"" + option + '"' : error.what());
  } catch (const po::error& error) {
    throw BadInput(
        Diagnostic{.file = name, .line = 0, .column = 0, .message = error.what(), .source = {}});
  }
  return file;
}

void Values::yes_or_no(const std::string& name, bool& into) const {
  if (!has(name)) return;
  const auto& text = given_[name].as<std::string>();
  if (text != "yes" && text != "no") refuse(name, text, "yes or no");
  into = text == "yes";
}

void Values::time(const std::string& name, milliseconds& into, milliseconds least,
                  milliseconds most) const {
  std::string wanted = "a time such as 300ms, 5s, 10m or 1h";
  if (most != milliseconds::max())
    wanted += ", of " + std::to_string(most.count() / 1000) + "s at most";
  convert(name, into, parse_time, wanted,
          [&](milliseconds value) { return value >= least && value <= most; });
}

void Values::refuse_with(const std::string& name, const std::string& value,
                         const std::string& message) const {
  if (file_ != nullptr && file_->says(name)) file_->refuse(name, value, message);
  throw UsageError("--" + message);
}

}  // namespace postern::config
