// SPDX-License-Identifier: BSD-3-Clause
//
// `postern top`: the busiest sources, nets (/24, /48) and lists among what running engines show as
// samples. Live, what is past counts ever less; with --once, all of a window alike. Memory is
// bounded: of each kind 4,096 are counted (control/cli/space_saving.h), and of a count is said how
// much of it is sure. Counts are packets: a sample that stands for ten counts ten.
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <set>
#include <string_view>

#include "control/cli/command.h"
#include "control/cli/engine_samples.h"
#include "control/cli/printable.h"
#include "control/cli/space_saving.h"
#include "control/cli/table.h"
#include "rules/address/address.h"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr size_t kCounters = 4096;
constexpr uint64_t kRows = 10, kMaxRows = 1000;
constexpr std::chrono::seconds kWindow{10};  // of --once, where --seconds says nothing
// What a packet of a second ago counts: half of it is gone after ten seconds.
const double kFading = std::pow(0.5, 0.1);

void declare(OptionSet& options) {
  add_sample_options(options);
  options.add_text("rows", "N", "so many of each kind (default 10)");
  options.add_flag("once", "look for --seconds (default 10), show that, and end");
}

Prefix net_of(const IpAddress& address) {
  return *Prefix::make(address, address.is_v4() ? 24 : 48, Prefix::HostBits::kMask);
}

std::string name_of(const IpAddress& address) {
  return address.to_string();
}
std::string name_of(const Prefix& prefix) {
  return prefix.to_string();
}
std::string name_of(const std::string& name) {
  return name;
}

class Busiest {
 public:
  void count(const EngineSample& sample) {
    const auto weight = static_cast<double>(std::max<uint64_t>(sample.every, 1));
    samples_++;
    packets_ += weight;
    if (sample.source) {
      sources_.add(*sample.source, weight);
      nets_.add(net_of(*sample.source), weight);
    }
    std::set<std::string_view> lists;  // each once, however many lines of it there are
    for (const auto& line : sample.lists)
      if (lists.insert(line.list).second) lists_.add(line.list, weight);
  }
  void fade(double factor) {
    packets_ *= factor;
    sources_.scale(factor);
    nets_.scale(factor);
    lists_.scale(factor);
  }

  // unit: what a count is multiplied with to be shown.
  void print(std::ostream& out, size_t rows, double unit, const char* column) const {
    out << grouped(rounded(packets_ * unit)) << ' ' << column << ", from "
        << counted(samples_, "sample", "samples") << "\n";
    print_kind(out, "source", sources_, rows, unit, column);
    print_kind(out, "net", nets_, rows, unit, column);
    print_kind(out, "list", lists_, rows, unit, column);
  }
  json::object to_json(size_t rows, double unit) const {
    return {{"packets", packets_ * unit},
            {"samples", samples_},
            {"sources", kind_json("source", sources_, rows, unit)},
            {"nets", kind_json("net", nets_, rows, unit)},
            {"lists", kind_json("list", lists_, rows, unit)}};
  }

 private:
  static uint64_t rounded(double number) { return static_cast<uint64_t>(std::llround(number)); }

  template <typename Key>
  void print_kind(std::ostream& out, const char* kind, const SpaceSaving<Key>& all, size_t rows,
                  double unit, const char* column) const {
    const auto items = all.top(rows);
    if (items.empty()) return;
    out << '\n';
    Table table({Table::kLeft, Table::kRight, Table::kRight, Table::kRight});
    table.row({kind, column, "at least", "share"});
    for (const auto& item : items) {
      if (rounded(item.count * unit) == 0) break;  // faded
      const auto share = rounded(1000 * item.count / packets_);
      table.row({name_of(item.key), grouped(rounded(item.count * unit)),
                 grouped(rounded((item.count - item.error) * unit)),
                 std::to_string(share / 10) + "." + std::to_string(share % 10) + " %"});
    }
    table.print(out, 2);
  }
  template <typename Key>
  json::array kind_json(const char* kind, const SpaceSaving<Key>& all, size_t rows,
                        double unit) const {
    json::array array;
    for (const auto& item : all.top(rows))
      array.push_back(json::object{{kind, json_text(name_of(item.key))},
                                   {"packets", item.count * unit},
                                   {"at_least", (item.count - item.error) * unit},
                                   {"share", item.count / packets_}});
    return array;
  }

  uint64_t samples_ = 0;
  double packets_ = 0;
  SpaceSaving<IpAddress> sources_{kCounters};
  SpaceSaving<Prefix> nets_{kCounters};
  SpaceSaving<std::string> lists_{kCounters};
};

size_t rows_of(const Invocation& invocation) {
  const auto text = invocation.text("rows");
  if (!text) return kRows;
  const bool is_number = !text->empty() && text->size() <= 4 &&
                         text->find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoul(*text) < 1 || std::stoul(*text) > kMaxRows)
    throw WrongUsage("--rows is a number from 1 to " + std::to_string(kMaxRows) + ", not '" +
                     printable(*text) + "'");
  return std::stoul(*text);
}

int once(EngineSamples& samples, size_t rows, bool as_json) {
  Busiest busiest;
  if (!samples.has_end()) samples.end_after(kWindow);
  const auto begin = std::chrono::steady_clock::now();
  samples.run([&](const std::string&, const EngineSample& sample) {
    busiest.count(sample);
    return true;
  });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (as_json) {
    auto document = busiest.to_json(rows, 1);
    document["seconds"] = seconds.count();
    document["lost"] = samples.lost();
    std::cout << json::serialize(document) << '\n';
  } else {
    busiest.print(std::cout, rows, 1, "packets");
  }
  return kFine;
}

// Counts are divided by the time that they stand for, which fades as they do: a rate, in which what
// is past counts ever less.
int live(EngineSamples& samples, size_t rows, bool as_json) {
  Busiest busiest;
  const bool is_terminal = isatty(STDOUT_FILENO) && !as_json;
  auto shown = std::chrono::steady_clock::now();
  double seconds = 0;
  bool first = true;
  const auto show = [&] {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> elapsed = now - shown;
    if (elapsed.count() < 1) return;
    shown = now;
    seconds += elapsed.count();
    if (is_terminal)
      std::cout << "\x1b[H\x1b[2J";
    else if (!first && !as_json)
      std::cout << '\n';
    first = false;
    if (as_json) {
      auto document = busiest.to_json(rows, 1 / seconds);
      document["lost"] = samples.lost();
      std::cout << json::serialize(document) << '\n';
    } else {
      busiest.print(std::cout, rows, 1 / seconds, "packets/s");
    }
    std::cout.flush();
    const double factor = std::pow(kFading, elapsed.count());
    busiest.fade(factor);
    seconds *= factor;
  };
  samples.run(
      [&](const std::string&, const EngineSample& sample) {
        busiest.count(sample);
        return std::cout.good();
      },
      show);
  return kFine;
}

int run(const Invocation& invocation) {
  const auto rows = rows_of(invocation);
  EngineSamples samples(invocation, "");
  const int status = invocation.flag("once") ? once(samples, rows, invocation.json())
                                             : live(samples, rows, invocation.json());
  if (const auto lost = samples.lost_text(); !lost.empty())
    std::cerr << "postern top: " << lost << '\n';
  return status;
}

}  // namespace

const Command kTopCommand = {
    "top",
    "Shows the busiest sources, nets and lists of what running engines stop",
    "[--engine SOCKET]... [--reason WORD]... [--fate WORD] [--every N]\n"
    "       [--count N] [--seconds N] [--rows N] [--once]",
    "From samples, each of which counts for as many packets as it stands for. Live, once a "
    "second,\n"
    "in packets per second, where ten seconds ago counts half; with --once, the packets of a "
    "window.\n"
    "`at least` is what is sure: memory is bounded, and who was not counted from the start may "
    "have\n"
    "inherited the rest.\n",
    declare,
    run,
};

}  // namespace postern::cli
