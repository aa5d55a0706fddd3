// SPDX-License-Identifier: BSD-3-Clause
//
// As `reputation` has it, :memory: stands for no file.
#include "control/config/learned_setting.h"

#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

namespace postern::config {

namespace po = boost::program_options;

void add_learned_setting(po::options_description& into) {
  into.add_options()(
      "learned", one_text("FILE"),
      "keep what was learned there, SQLite, for `postern learned` and for the next start;\n"
      ":memory: keeps nothing (:memory:)");
}

std::string read_learned_setting(const Values& values) {
  std::string file;
  values.text("learned", file);
  return file == ":memory:" ? std::string() : file;
}

std::string learned_setting_in(const std::string& config_file) {
  po::options_description only;
  add_learned_setting(only);
  po::variables_map given;
  const auto file = ConfigFile::read(config_file, only, given, ConfigFile::Others::kIgnore);
  po::notify(given);
  return read_learned_setting(Values(given, &file));
}

}  // namespace postern::config
