// SPDX-License-Identifier: BSD-3-Clause
//
// xdp_bench: nanoseconds a packet by BPF_PROG_TEST_RUN, all sides in turn (A B C A B C ...), on one
// pinned CPU: the tables against BPF_MAP_TYPE_LPM_TRIE with the same addresses drawn at random,
// each net of drawing them (P8); the whole program on a dropped attempt against a bare XDP_DROP
// (P9), and against xdp-filter's on the same packet (P10). What is timed is verified in the same
// run.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include <algorithm>
#include <boost/json.hpp>
#include <boost/program_options.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <unordered_set>
#include <vector>

#include "dataplane/engine/answer_budget.h"
#include "dataplane/engine/dynamic_table.h"
#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "rules/snapshot/snapshot.h"
#include "xdp/loader/program.h"

namespace {

using namespace postern;
namespace po = boost::program_options;
namespace json = boost::json;

constexpr size_t kKeys = 1u << 20;
constexpr uint32_t kFirst = 0;
constexpr unsigned kRepeat = 1'000'000;  // packets a pass
constexpr char kFilterObject[] = "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_alw_all.o";

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void fail(const std::string& what, int error = errno) {
  throw Failure(what + ": " + std::strerror(error < 0 ? -error : error));
}

struct Object {
  explicit Object(const char* path) : object(bpf_object__open_file(path, nullptr)) {
    if (!object) fail(path);
  }
  ~Object() { bpf_object__close(object); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  void load() {
    if (const int error = bpf_object__load(object); error != 0) fail("loading a program", error);
  }
  int program(const char* name) const {
    return bpf_program__fd(bpf_object__find_program_by_name(object, name));
  }
  int map(const char* name) const { return bpf_object__find_map_fd_by_name(object, name); }
  bpf_object* object;
};

// Nanoseconds a run. expected: what the program must return.
double run(int program, std::vector<uint8_t> packet, unsigned repeat, uint32_t expected) {
  LIBBPF_OPTS(bpf_test_run_opts, test);
  std::vector<uint8_t> out(packet.size() + 256);
  test.data_in = packet.data();
  test.data_size_in = static_cast<uint32_t>(packet.size());
  test.data_out = out.data();
  test.data_size_out = static_cast<uint32_t>(out.size());
  test.repeat = static_cast<int>(repeat);
  if (bpf_prog_test_run_opts(program, &test) != 0) fail("BPF_PROG_TEST_RUN");
  if (test.retval != expected)
    throw Failure("a program returned " + std::to_string(test.retval) + ", not " +
                  std::to_string(expected));
  return test.duration;
}

std::vector<uint8_t> attempt(uint32_t source, uint32_t destination) {
  std::vector<uint8_t> frame = {
      2,    0,    0, 0,  0, 2, 2,    0,    0,  0, 0, 1, 8,    0,  // Ethernet
      0x45, 0,    0, 40, 0, 0, 0x40, 0,    64, 6, 0, 0, 0,    0, 0,    0,    0, 0, 0, 0,
      0x9c, 0x40, 0, 25, 0, 0, 3,    0xe8, 0,  0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0};
  for (size_t i = 0; i < 4; i++) {
    frame[26 + i] = static_cast<uint8_t>(source >> (24 - 8 * i));
    frame[30 + i] = static_cast<uint8_t>(destination >> (24 - 8 * i));
  }
  return frame;
}

constexpr uint32_t kService = 0xc6336419;  // 198.51.100.25

// `count` different addresses, scattered over the unicast space.
std::vector<uint32_t> scattered(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::unordered_set<uint32_t> chosen;
  while (chosen.size() < count)
    chosen.insert(static_cast<uint32_t>(0x01000000u + random() % 0xdf000000u));
  return {chosen.begin(), chosen.end()};
}

std::string text_of(uint32_t address) {
  return std::to_string(address >> 24) + '.' + std::to_string(address >> 16 & 255) + '.' +
         std::to_string(address >> 8 & 255) + '.' + std::to_string(address & 255);
}

std::shared_ptr<const Snapshot> rules_of(const std::vector<uint32_t>& listed,
                                         const std::string& rules) {
  char name[] = "/tmp/postern-bench-XXXXXX";
  if (!mkdtemp(name)) fail("a temporary directory");
  const std::filesystem::path folder = name;
  {
    std::ofstream list(folder / "list");
    for (const auto address : listed) list << text_of(address) << '\n';
    std::ofstream(folder / "none") << "192.0.2.1\n";
  }
  const auto policy = parse_policy("list listed \"" + (folder / "list").string() +
                                       "\" format cidr\nlist none \"" + (folder / "none").string() +
                                       "\" format cidr\nservice mx 198.51.100.25\nconnection to "
                                       "mx\n" +
                                       rules,
                                   "bench.policy");
  auto snapshot = Snapshot::from_bytes(compile(policy).bytes, "bench");
  std::filesystem::remove_all(folder);
  return snapshot;
}

// One side of a comparison.
struct Side {
  std::string name;
  int program;
  std::vector<uint8_t> packet;
  uint32_t result = XDP_DROP;
  std::vector<double> passes = {};

  double median() const {
    auto sorted = passes;
    std::ranges::sort(sorted);
    const auto n = sorted.size();
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  }
  double least() const { return *std::ranges::min_element(passes); }
  double most() const { return *std::ranges::max_element(passes); }
};

double run(const Side& side, unsigned repeat) try {
  return run(side.program, side.packet, repeat, side.result);
} catch (const Failure& failure) {
  throw Failure(side.name + ": " + failure.what());
}

void time_in_turn(std::vector<Side>& sides, unsigned passes) {
  constexpr unsigned kWarmUp = 2;
  for (unsigned pass = 0; pass < kWarmUp + passes; pass++)
    for (auto& side : sides) {
      const double spent = run(side, kRepeat);
      if (pass >= kWarmUp) side.passes.push_back(spent);
    }
}

void report(const std::string& title, const std::vector<Side>& sides, json::array& results) {
  std::printf("\n%s\n", title.c_str());
  json::array shown;
  for (const auto& side : sides) {
    std::printf("  %-44s %7.0f / %7.0f / %7.0f ns\n", side.name.c_str(), side.least(),
                side.median(), side.most());
    shown.push_back({{"name", side.name},
                     {"min", side.least()},
                     {"median", side.median()},
                     {"max", side.most()}});
  }
  std::fflush(stdout);
  results.push_back(json::object{{"title", title}, {"sides", std::move(shown)}});
}

// P8: our tables and the kernel's trie, with keys of which half are in the list.
void look_ups(size_t entries, unsigned passes, json::array& results) {
  const auto listed = scattered(entries, 1);
  const std::unordered_set<uint32_t> known(listed.begin(), listed.end());
  std::mt19937_64 random(2);
  std::vector<uint32_t> keys(kKeys);
  uint64_t hits = 0;
  for (size_t i = 0; i < kKeys; i++) {
    uint32_t key = listed[random() % listed.size()];
    if (i % 2 == 1) do
        key = static_cast<uint32_t>(0x01000000u + random() % 0xdf000000u);
      while (known.contains(key));
    hits += known.contains(key);
    keys[i] = __builtin_bswap32(key);
  }
  std::ranges::shuffle(keys, random);

  Object object(BENCH_OBJECT);
  object.load();
  for (uint32_t i = 0; i < kKeys; i++)
    if (bpf_map_update_elem(object.map("keys"), &i, &keys[i], BPF_ANY) != 0) fail("keys");
  for (const auto address : listed) {
    const struct { uint32_t length, address; } key = {32, __builtin_bswap32(address)};
    const uint32_t value = 1;
    if (bpf_map_update_elem(object.map("lpm"), &key, &value, BPF_ANY) != 0) fail("the trie");
  }
  const auto snapshot = rules_of(listed, "  drop list listed\n  reset list none\n");
  const auto image = snapshot->image_bytes();
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
  const auto chunks = static_cast<uint32_t>(image.size() / PS_CHUNK_BYTES);
  const int inner =
      bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", 4, PS_CHUNK_BYTES, chunks, &options);
  if (inner < 0) fail("a map for the image");
  {
    const xdp::Mapped memory(inner, chunks, PS_CHUNK_BYTES);
    std::memcpy(memory.bytes().data(), image.data(), image.size());
  }
  if (bpf_map_update_elem(object.map("rules"), &kFirst, &inner, BPF_ANY) != 0) fail("the rules");

  // In sequence, once over all keys: both must find exactly those that are listed.
  struct Bench {
    uint64_t sum;
    uint32_t sequential, next;
  };
  const auto packet = attempt(1, kService);
  for (const auto* name : {"table", "trie"}) {
    Bench bench{0, 1, 0};
    if (bpf_map_update_elem(object.map(".bss"), &kFirst, &bench, BPF_ANY) != 0) fail(".bss");
    run(object.program(name), packet, kKeys, XDP_DROP);
    bpf_map_lookup_elem(object.map(".bss"), &kFirst, &bench);
    if (bench.sum != hits)
      throw Failure(std::string(name) + " finds " + std::to_string(bench.sum) + " of " +
                    std::to_string(hits));
  }
  const Bench at_random{};
  bpf_map_update_elem(object.map(".bss"), &kFirst, &at_random, BPF_ANY);

  std::vector<Side> sides = {{"drawing a key", object.program("key"), packet},
                             {"Postern's table", object.program("table"), packet},
                             {"BPF_MAP_TYPE_LPM_TRIE", object.program("trie"), packet}};
  time_in_turn(sides, passes);
  report("P8, " + std::to_string(entries) + " scattered /32, half of the keys listed", sides,
         results);
  const double ours = sides[1].median() - sides[0].median();
  const double theirs = sides[2].median() - sides[0].median();
  std::printf("  net of drawing: %.0f and %.0f ns, %.1fx\n", ours, theirs, theirs / ours);
  close(inner);
}

struct Filter {
  Filter() : object(kFilterObject) {
    object.load();
    constexpr uint64_t kSource = 0x3f;  // every MAP_FLAG_* that xdp-filter may ask for
    const int cpus = libbpf_num_possible_cpus();
    std::vector<uint64_t> value(static_cast<size_t>(cpus), kSource);
    for (const auto address : scattered(10'000, 3)) {
      const uint32_t key = __builtin_bswap32(address);
      if (bpf_map_update_elem(object.map("filter_ipv4"), &key, value.data(), BPF_ANY) != 0)
        fail("xdp-filter's addresses");
    }
  }
  int program() const { return bpf_program__fd(bpf_object__next_program(object.object, nullptr)); }
  Object object;
};

// P9 and P10: the whole program.
void whole(unsigned passes, json::array& results) {
  const auto ten_thousand = scattered(10'000, 3);
  const auto million = scattered(1'000'000, 1);
  Object bench(BENCH_OBJECT);
  bench.load();

  xdp::Program idle(1024), busy(1'000'000, 65'536), large(1024);
  const auto set_up = [](xdp::Program& program, const std::shared_ptr<const Snapshot>& snapshot) {
    program.set_ports(PS_TOPOLOGY_HOST, 1, 0);
    program.set_answers(kMaxAnswersPerSecond, 1);
    program.load_image(snapshot->image_bytes());
  };
  set_up(idle, rules_of(ten_thousand, "  drop list listed\n"));
  set_up(large, rules_of(million, "  drop list listed\n"));
  // All on: a rule of each kind, a limit that the attempt is within, and entries of both lengths of
  // IPv4.
  set_up(busy, rules_of(ten_thousand,
                        "  reset list none hard\n  limit any 1000000/second burst 1000000 else "
                        "refuse\n  drop list listed\n"));
  {
    // A limit that even this rate is within, which the policy's language does not have.
    const auto image = busy.live_image();
    const auto& header = *reinterpret_cast<const ps_snapshot_header*>(image.data());
    auto* limits =
        reinterpret_cast<ps_limit*>(image.data() + size_t{header.limits} * PS_BLOCK_BYTES);
    limits[1].interval_ns = 1;
  }
  DynamicTable entries(busy.dynamic_memory(), &busy.dynamic_gate());
  const auto now = monotonic_ns();
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; i++)
    for (const int length : {32, 24}) {
      ps_address raw{};
      for (size_t byte = 0; byte < 3; byte++) raw.bytes[byte] = static_cast<uint8_t>(random());
      if (length == 32) raw.bytes[3] = static_cast<uint8_t>(random());
      raw.bytes[0] = static_cast<uint8_t>(224 + raw.bytes[0] % 16);  // none of those listed
      entries.add(
          {*Prefix::make(IpAddress::from_abi(PS_FAMILY_V4, raw), length, Prefix::HostBits::kMask),
           Action::DROP, "", now + 3'600'000'000'000},
          now);
    }

  const auto listed = attempt(ten_thousand.front(), kService);
  const auto of_million = attempt(million.front(), kService);
  std::vector<Side> sides = {
      {"a bare XDP_DROP", bench.program("bare"), listed},
      {"Postern, 10,000 entries, nothing else", idle.fd(), listed},
      {"Postern, 10,000 entries, all on", busy.fd(), listed},
      {"Postern, 1,000,000 entries", large.fd(), of_million},
  };
  std::optional<Filter> filter;
  if (std::filesystem::exists(kFilterObject)) {
    filter.emplace();
    sides.push_back({"xdp-filter, all features, 10,000 addresses", filter->program(), listed});
  }
  time_in_turn(sides, passes);
  report("P9, P10: a dropped attempt", sides, results);
  const auto& bare = sides[0];
  std::printf("  over a bare XDP_DROP: %.0f ns, all on %.0f ns\n",
              sides[1].median() - bare.median(), sides[2].median() - bare.median());
  if (filter)
    std::printf("  a million entries / xdp-filter: %.2f\n", sides[3].median() / sides[4].median());
}

// What it costs to show samples: the same program and rules, asked for none, for as many in a
// second as an engine takes by default, and for every packet, more than there is room for. They are
// fetched between the passes, as another thread does it.
void sampling(unsigned passes, json::array& results) {
  const auto entries = scattered(10'000, 3);
  const auto snapshot = rules_of(entries, "  drop list listed\n");
  constexpr uint64_t kDrops = uint64_t{1} << PS_REASON_RULE_DROP;
  constexpr uint32_t kOneIn = 5'000;  // two thousand of ten million
  const ps_sampling settings[] = {
      {0, 1, 0}, {kDrops, kOneIn, PS_SAMPLE_USUAL_BYTES}, {kDrops, 1, PS_SAMPLE_USUAL_BYTES}};
  std::vector<std::unique_ptr<xdp::Program>> programs;
  std::vector<Side> sides;
  for (const auto* name : {"no samples", "one packet in 5,000", "every packet, and no room"}) {
    programs.push_back(std::make_unique<xdp::Program>(1024));
    auto& program = *programs.back();
    program.set_ports(PS_TOPOLOGY_HOST, 1, 0);
    program.load_image(snapshot->image_bytes());
    program.set_sampling(settings[sides.size()]);
    sides.push_back({name, program.fd(), attempt(entries.front(), kService)});
  }
  constexpr unsigned kWarmUp = 2;
  uint64_t taken = 0;
  for (unsigned pass = 0; pass < kWarmUp + passes; pass++)
    for (size_t i = 0; i < sides.size(); i++) {
      const double spent = run(sides[i], kRepeat);
      if (pass >= kWarmUp) sides[i].passes.push_back(spent);
      programs[i]->drain_samples(
          [&](const ps_sample&, std::span<const uint8_t>) { taken += i == 1; });
    }
  report("Sampling: a dropped attempt, 10,000 entries", sides, results);
  const double per_pass = static_cast<double>(taken) / (kWarmUp + passes);
  if (std::abs(per_pass - kRepeat / kOneIn) > 0.1 * kRepeat / kOneIn)
    throw Failure("took " + std::to_string(per_pass) + " samples in a pass, not one in 5,000");
  std::printf("  one in 5,000: %.1f %% more\n", 100 * (sides[1].median() / sides[0].median() - 1));
}

}  // namespace

int main(int count, char** words) {
  unsigned passes = 15;
  int cpu = -1;
  std::string json_path;
  po::options_description options("xdp_bench [OPTIONS]: P8, P9 and P10 of docs/performance.md");
  options.add_options()("passes", po::value(&passes)->default_value(passes),
                        "that count, at least 10")("cpu", po::value(&cpu),
                                                   "to run on; without it the last one")(
      "json", po::value(&json_path), "write the figures there")("help", "print this");
  try {
    po::variables_map given;
    po::store(po::parse_command_line(count, words, options), given);
    po::notify(given);
    if (given.count("help")) {
      std::printf("%s", (std::ostringstream() << options).str().c_str());
      return 0;
    }
    if (passes < 10) throw po::error("--passes is at least 10");
  } catch (const po::error& wrong) {
    std::fprintf(stderr, "xdp_bench: %s\n", wrong.what());
    return 2;
  }
  try {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)) - 1
                    : static_cast<unsigned>(cpu),
            &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("pinning to a CPU");
    utsname system{};
    uname(&system);
    std::printf("kernel %s, %u packets a pass, %u passes: min / median / max\n", system.release,
                kRepeat, passes);
    json::array results;
    look_ups(10'000, passes, results);
    look_ups(1'000'000, passes, results);
    whole(passes, results);
    sampling(passes, results);
    if (!json_path.empty())
      std::ofstream(json_path) << json::serialize(json::object{{"kernel", system.release},
                                                               {"passes", passes},
                                                               {"comparisons", results}})
                               << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "xdp_bench: %s\n", error.what());
    return 1;
  }
}
