// SPDX-License-Identifier: BSD-3-Clause
//
// names_bench: what classifying a name by a table of patterns costs (P15): all patterns at once, by
// TableMatcher, against Postfix's own dictionary (`postmap -q - pcre:FILE`, net of its start) and
// against PCRE2 with its JIT compiler, one pattern after the other. All in one run, one pass of
// each in turn, in CPU time. Before the passes all sides are asked about every name, and in each
// pass postmap is, and must answer the same.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "control/names/name_classifier.h"
#include "rules/text/compressed.h"
#include "rules/text/file_text.h"
#include "tests/control/names/postfix_twin.h"
#include "tests/support/sample_names.h"

namespace {

using namespace postern;
using namespace postern::names;
namespace fs = std::filesystem;
namespace json = boost::json;
namespace po = boost::program_options;

constexpr unsigned kWarmUp = 2;
constexpr unsigned kRounds = 100;  // over all names in one of our passes, which are short

struct Options {
  std::string table, json;
  size_t names = 0;
  unsigned passes = 0, seed = 0;
};

double seconds_of(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// CPU seconds that this thread spends in it.
double cpu_seconds(const std::function<void()>& work) {
  const double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
  work();
  return seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
}

struct Summary {
  double min, median, max;
};
Summary summary(std::vector<double> passes) {
  std::sort(passes.begin(), passes.end());
  const auto n = passes.size();
  return {passes.front(), n % 2 ? passes[n / 2] : (passes[n / 2 - 1] + passes[n / 2]) / 2,
          passes.back()};
}

// A folder of this run, with the table unpacked and a configuration for postmap.
class Workplace {
 public:
  explicit Workplace(const std::string& table) {
    std::string name = fs::temp_directory_path() / "postern-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder = name;
    const auto text =
        uncompressed(read_file_text(table, PcreTable::kMaxBytes).text, table, PcreTable::kMaxBytes);
    write("main.cf", "");
    write("table.pcre", text);
  }
  ~Workplace() { fs::remove_all(folder); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  void write(const char* name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
  }

  fs::path folder;
};

// Postfix's side: one process that answers all names of a file.
class Postmap {
 public:
  explicit Postmap(const Workplace& place) : place_(place) {}

  // CPU seconds of it. out: where the answers go.
  double run(const char* names, const char* out) const {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child == 0) {
      redirect(place_.folder / names, O_RDONLY, 0);
      redirect(place_.folder / out, O_WRONLY | O_CREAT | O_TRUNC, 1);
      const auto table = "pcre:" + (place_.folder / "table.pcre").string();
      ::execlp("postmap", "postmap", "-c", place_.folder.c_str(), "-q", "-", table.c_str(),
               nullptr);
      ::_exit(127);
    }
    int status = 0;
    rusage usage = {};
    if (::wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) > 1)  // 1: the last name is not in the table
      throw std::runtime_error("postmap failed: are postfix and postfix-pcre installed?");
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  std::map<std::string, std::string> answers(const char* out) const {
    std::map<std::string, std::string> answers;
    std::ifstream in(place_.folder / out);
    for (std::string line; std::getline(in, line);)
      if (const auto tab = line.find('\t'); tab != std::string::npos)
        answers[line.substr(0, tab)] = line.substr(tab + 1);
    return answers;
  }

 private:
  static void redirect(const fs::path& path, int flags, int to) {
    const int fd = ::open(path.c_str(), flags, 0600);
    if (fd < 0 || ::dup2(fd, to) < 0) ::_exit(127);
  }

  const Workplace& place_;
};

// A quarter each: drawn from the table's patterns, nearly that, servers, lines of other providers.
std::vector<std::string> sample(const PcreTable& table, size_t count, unsigned seed) {
  tests::SampleNames draw(seed);
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    const bool is_line =
        !name.empty() && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
    if (is_line && name.size() < 254 && !name.ends_with('.')) names.push_back(name);
  };
  while (names.size() < count) {
    const auto& rule = table.rules[draw.below(table.rules.size())];
    const auto name = draw.from_pattern(rule.pattern.expression);
    add(name);
    add(draw.changed(name));
    add(draw.server());
    add(draw.line());
  }
  names.resize(count);
  return names;
}

struct Side {
  const char* name;
  std::vector<double> nanoseconds = {};
};

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void run(const Options& options) {
  const Workplace place(options.table);
  const auto table = PcreTable::load(place.folder / "table.pcre");
  require(!table.rules.empty(), "the table has no rules");
  const auto names = sample(table, options.names, options.seed);
  std::string lines;
  for (const auto& name : names) lines += name + '\n';
  place.write("names", lines);
  place.write("one", "www.example.org\n");

  std::vector<ClassifiedTable> tables;
  tables.push_back({.matcher = TableMatcher(table)});
  const NameClassifier classifier(
      std::move(tables),
      TableMatcher(PcreTable::parse(NameClassifier::built_in_exceptions(), "built-in")));
  NameClassifier::Scratch classifying(classifier);
  const auto& matcher = classifier.tables()[0].matcher;
  TableMatcher::Scratch scratch(matcher);
  PostfixTwin twin(table);
  twin.make_fast();
  const Postmap postmap(place);

  // What every side must say.
  std::vector<std::optional<uint32_t>> expected;
  std::map<std::string, std::string> results;
  for (const auto& name : names) {
    expected.push_back(matcher.first(name, scratch));
    require(twin.first(name) == expected.back(), "PCRE2 answers differently: " + name);
    if (expected.back()) results[name] = matcher.result(*expected.back(), name);
  }
  const auto hits = std::ranges::count_if(expected, [](const auto& rule) { return !!rule; });

  Side ours{"Postern, all patterns at once"}, whole{"Postern, with result and exceptions"},
      jit{"PCRE2-JIT, one by one"}, postfix{"postmap -q - pcre:"};
  std::vector<double> compiling, cached, starting;
  DatabaseCache cache(place.folder / "cache");
  TableMatcher(table, &cache);
  const auto per_name = [&](double seconds, unsigned rounds) {
    return seconds * 1e9 / static_cast<double>(names.size() * rounds);
  };
  for (unsigned pass = 0; pass < kWarmUp + options.passes; pass++) {
    size_t wrong = 0;
    const double fast = cpu_seconds([&] {
      for (unsigned round = 0; round < kRounds; round++)
        for (size_t i = 0; i < names.size(); i++)
          wrong += matcher.first(names[i], scratch) != expected[i];
    });
    const double all = cpu_seconds([&] {
      for (unsigned round = 0; round < kRounds; round++)
        for (size_t i = 0; i < names.size(); i++)
          wrong += (classifier.classify(names[i], classifying).match.rule != nullptr) !=
                   expected[i].has_value();
    });
    const double slow = cpu_seconds([&] {
      for (size_t i = 0; i < names.size(); i++) wrong += twin.first(names[i]) != expected[i];
    });
    require(wrong == 0, "a side answers differently while it is timed");
    const double start = postmap.run("one", "out");
    const double mapped = postmap.run("names", "out") - start;
    require(postmap.answers("out") == results, "Postfix answers differently");
    const double loading = cpu_seconds(
        [&] { require(TableMatcher(table, &cache).is_cached(), "the cache is not used"); });
    const bool compiles = pass < 3;  // seconds each
    const double compiled = compiles ? cpu_seconds([&] { TableMatcher again(table); }) : 0;
    if (compiles) compiling.push_back(compiled * 1e3);
    if (pass < kWarmUp) continue;
    ours.nanoseconds.push_back(per_name(fast, kRounds));
    whole.nanoseconds.push_back(per_name(all, kRounds));
    jit.nanoseconds.push_back(per_name(slow, 1));
    postfix.nanoseconds.push_back(per_name(mapped, 1));
    starting.push_back(start * 1e3);
    cached.push_back(loading * 1e3);
  }

  json::object report{{"patterns", matcher.size()}, {"fallbacks", matcher.fallbacks().size()},
                      {"names", names.size()},      {"hits", hits},
                      {"passes", options.passes},   {"platform", PatternSet::platform()},
                      {"compiler", __VERSION__}};
  const auto add = [&](json::array& to, const char* name, const std::vector<double>& passes) {
    const auto seen = summary(passes);
    std::printf("  %-40s %12.3f %12.3f %12.3f\n", name, seen.min, seen.median, seen.max);
    to.push_back({{"name", name}, {"min", seen.min}, {"median", seen.median}, {"max", seen.max}});
  };
  std::printf("%zu patterns, %zu names of which %td match, %u passes, Hyperscan %s\n",
              matcher.size(), names.size(), hits, options.passes, PatternSet::platform().c_str());
  std::printf("\nnanoseconds of CPU a name                       min       median          max\n");
  json::array sides, loads;
  for (const auto* side : {&ours, &whole, &jit, &postfix})
    add(sides, side->name, side->nanoseconds);
  std::printf("\nmilliseconds of CPU until a table is ready\n");
  add(loads, "Postern, from the cache", cached);
  add(loads, "Postern, compiled", compiling);
  add(loads, "postmap, from its start, one name", starting);
  report["sides"] = std::move(sides);
  report["loads"] = std::move(loads);
  if (!options.json.empty()) std::ofstream(options.json) << json::serialize(report) << '\n';
}

// The last CPU: the first has the interrupts.
void pin() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return;
  int last = -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) last = cpu;
  CPU_ZERO(&set);
  CPU_SET(last, &set);
  ::sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace

int main(int count, char** words) {
  Options options;
  po::options_description all("names_bench: names by patterns, against Postfix and PCRE2 (P15)");
  all.add_options()("help,h", "this")("table", po::value(&options.table)->required(),
                                      "a Postfix pcre_table; may be packed")(
      "names", po::value(&options.names)->default_value(2000), "to be looked up, at least 100")(
      "passes", po::value(&options.passes)->default_value(15), "of each side, at least 10")(
      "seed", po::value(&options.seed)->default_value(1), "of the names")(
      "json", po::value(&options.json), "write the results to this file, too");
  try {
    po::variables_map given;
    po::store(po::parse_command_line(count, words, all), given);
    if (given.count("help")) {
      std::cout << all;
      return 0;
    }
    po::notify(given);
    if (options.passes < 10 || options.names < 100)
      throw po::error("at least 10 passes and 100 names");
    pin();
    run(options);
  } catch (const po::error& error) {
    std::cerr << "names_bench: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "names_bench: " << error.what() << '\n';
    return 1;
  }
}
