// SPDX-License-Identifier: BSD-3-Clause
//
// Loading the program and moving data in and out of its maps (xdp/loader/program.h).
#include "xdp/loader/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/engine/answer_budget.h"
#include "dataplane/engine/dynamic_table.h"
#include "dataplane/engine/limit_table.h"
#include "postern.skel.h"
#include "rules/abi/snapshot_format.h"
#include "xdp/loader/file_descriptor.h"
#include "xdp/loader/kernel_error.h"

namespace postern::xdp {
namespace {

constexpr uint32_t kFirst = 0;  // the only key of maps with one element

size_t possible_cpus() {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) throw kernel_error("cannot count this machine's CPUs", cpus);
  return static_cast<size_t>(cpus);
}

// What libbpf and the verifier say is for those who debug; users get one line from us.
int log_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || !spdlog::should_log(spdlog::level::debug)) return 0;
  std::vector<char> text(64 * 1024);
  const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string_view line(text.data(), std::min(text.size() - 1, static_cast<size_t>(length)));
  while (line.ends_with('\n')) line.remove_suffix(1);
  spdlog::debug("libbpf {}", line);
  return length;
}

// By which all ports have slots of their own. Odd factors scatter well (Knuth, The Art of Computer
// Programming 3, 6.4); of 16 ports in 64 slots about one in ten lets none meet.
uint32_t port_factor(std::span<const Program::Pair> pairs) {
  std::vector<uint32_t> numbers;
  for (const auto& pair : pairs)
    for (const int ifindex : {pair.wan_ifindex, pair.mx_ifindex})
      if (ifindex != 0 && (numbers.empty() || numbers.back() != static_cast<uint32_t>(ifindex)))
        numbers.push_back(static_cast<uint32_t>(ifindex));
  constexpr uint32_t kGolden = 0x9e3779b1, kTries = 100'000;
  for (uint32_t i = 0, factor = kGolden; i < kTries; i++, factor += 2 * kGolden) {
    uint64_t taken = 0;
    static_assert(PS_PORT_SLOTS <= 64);
    for (const auto number : numbers) taken |= uint64_t{1} << ps_port_slot(number, factor);
    if (static_cast<size_t>(std::popcount(taken)) == numbers.size()) return factor;
  }
  throw std::runtime_error("two ports are the same device");
}

template <typename Table>
bool is_of(const std::optional<Table>& table, size_t buckets) {
  return table && table->buckets().size() == buckets;
}

}  // namespace

void Program::Destroy::operator()(postern_bpf* skeleton) const noexcept {
  postern_bpf::destroy(skeleton);
}

Program::Program(uint32_t dynamic_entries, uint32_t limit_sources, Frames frames, uint32_t pairs,
                 const FormerTables& former)
    : pairs_(pairs) {
  libbpf_set_print(log_libbpf);
  skeleton_.reset(postern_bpf::open());
  if (!skeleton_) throw kernel_error("cannot open the XDP program", errno);
  const auto dynamic_buckets = static_cast<uint32_t>(DynamicTable::buckets_for(dynamic_entries));
  const auto limit_buckets = static_cast<uint32_t>(limit_buckets_for(limit_sources));
  const bool limits_kept = is_of(former.limits, limit_buckets);
  int error = is_of(former.dynamic, dynamic_buckets)
                  ? bpf_map__reuse_fd(skeleton_->maps.dynamic, former.dynamic->fd())
                  : bpf_map__set_max_entries(skeleton_->maps.dynamic, dynamic_buckets);
  if (error == 0)
    error = limits_kept ? bpf_map__reuse_fd(skeleton_->maps.limits, former.limits->fd())
                        : bpf_map__set_max_entries(skeleton_->maps.limits, limit_buckets);
  if (error == 0) error = bpf_map__set_max_entries(skeleton_->maps.cpus, pairs);
  if (error == 0 && frames == Frames::kInParts) {
    skeleton_->rodata->frames_in_parts = 1;
    error = bpf_program__set_flags(skeleton_->progs.postern, BPF_F_XDP_HAS_FRAGS);
  }
  if (error == 0) error = postern_bpf::load(skeleton_.get());
  if (error != 0) throw kernel_error("cannot load the XDP program into the kernel", error);
  dynamic_ = std::make_unique<Mapped>(bpf_map__fd(skeleton_->maps.dynamic), dynamic_buckets,
                                      sizeof(ps_dynamic_bucket));
  limits_ = std::make_unique<Mapped>(bpf_map__fd(skeleton_->maps.limits), limit_buckets,
                                     sizeof(ps_limit_bucket));
  if (!limits_kept) start_limits(limit_memory());
  ring_.reset(ring_buffer__new(bpf_map__fd(skeleton_->maps.samples), take_record, this, nullptr));
  if (!ring_) throw kernel_error("cannot map the ring of samples", errno);
}

Program::~Program() = default;

void Program::set_ports(ps_topology topology, std::span<const Pair> pairs) {
  auto& config = skeleton_->bss->config;
  config.topology = topology;
  config.port_factor = port_factor(pairs);
  std::ranges::fill(config.ports, ps_xdp_port{});
  const auto place = [&config](int ifindex, ps_port port, uint8_t pair, uint32_t room_of_other) {
    const auto number = static_cast<uint32_t>(ifindex);
    config.ports[ps_port_slot(number, config.port_factor)] = {number, static_cast<uint8_t>(port),
                                                              pair, 0, room_of_other};
  };
  const int egress = bpf_map__fd(skeleton_->maps.egress);
  for (uint8_t pair = 0; pair < pairs.size(); pair++) {
    const auto [wan, mx, wan_room, mx_room] = pairs[pair];
    place(wan, PS_PORT_WAN, pair, mx_room);
    if (mx != 0) place(mx, PS_PORT_MX, pair, wan_room);
    if (topology != PS_TOPOLOGY_WIRE) continue;
    for (const auto& [port, out] :
         {std::pair<uint32_t, int>{PS_PORT_WAN, mx}, std::pair<uint32_t, int>{PS_PORT_MX, wan}}) {
      const uint32_t key = pair * uint32_t{PS_PORT_COUNT} + port;
      if (bpf_map_update_elem(egress, &key, &out, BPF_ANY) != 0)
        throw kernel_error("cannot redirect between two ports", errno);
    }
  }
}

void Program::set_room(int ifindex, uint32_t room_of_other) noexcept {
  auto& config = skeleton_->bss->config;
  auto& port = config.ports[ps_port_slot(static_cast<uint32_t>(ifindex), config.port_factor)];
  __atomic_store_n(&port.room, room_of_other, __ATOMIC_RELAXED);
}

std::vector<ps_cell_count> Program::load_image(std::span<const std::byte> image) {
  if (image.empty() || image.size() % PS_CHUNK_BYTES != 0)
    throw std::runtime_error("the snapshot's image is not a whole number of chunks");
  const auto& header = *reinterpret_cast<const ps_snapshot_header*>(image.data());
  const size_t cells = size_t{header.policy_count} * header.class_count;
  const size_t count_bytes = possible_cpus() * cells * sizeof(ps_cell_count);
  const auto chunks =
      static_cast<uint32_t>((image.size() + count_bytes + PS_CHUNK_BYTES - 1) / PS_CHUNK_BYTES);
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
  const FileDescriptor map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "postern_image", sizeof(uint32_t),
                                          PS_CHUNK_BYTES, chunks, &options));
  if (!map) throw kernel_error("cannot make a BPF map for the snapshot", errno);
  auto memory = std::make_unique<Mapped>(map.get(), chunks, PS_CHUNK_BYTES);
  std::memcpy(memory->bytes().data(), image.data(), image.size());
  const int fd = map.get();
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.rules), &kFirst, &fd, BPF_ANY) != 0)
    throw kernel_error("cannot put the snapshot into force", errno);
  auto before = cell_counts();
  image_ = std::move(memory);
  image_bytes_ = image.size();
  cells_ = cells;
  return before;
}

std::vector<ps_cell_count> Program::cell_counts() const {
  std::vector<ps_cell_count> sum(cells_);
  if (!image_) return sum;
  const auto* each = reinterpret_cast<const ps_cell_count*>(image_->bytes().data() + image_bytes_);
  for (size_t cpu = 0; cpu < possible_cpus(); cpu++)
    for (auto& cell : sum) {
      cell.attempts += PS_READ_ONCE(each->attempts);
      cell.over_limit += PS_READ_ONCE(each->over_limit);
      each++;
    }
  return sum;
}

std::span<std::byte> Program::live_image() const noexcept {
  return image_ ? image_->bytes().first(image_bytes_) : std::span<std::byte>();
}

ps_counters Program::counters(uint32_t pair) const {
  std::vector<ps_xdp_cpu> each(possible_cpus());
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.cpus), &pair, each.data()) != 0)
    throw kernel_error("cannot read the counters", errno);
  ps_counters sum{};
  for (const auto& cpu : each) {
    const auto& one = cpu.counters;
    for (size_t event = 0; event < PS_EVENT_COUNT; event++) sum.events[event] += one.events[event];
    for (size_t port = 0; port < PS_PORT_COUNT; port++) {
      sum.bytes[port] += one.bytes[port];
      for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
        sum.packets[port][reason] += one.packets[port][reason];
    }
  }
  return sum;
}

std::span<ps_dynamic_bucket> Program::dynamic_memory() const noexcept {
  const auto bytes = dynamic_->bytes();
  return {reinterpret_cast<ps_dynamic_bucket*>(bytes.data()),
          bytes.size() / sizeof(ps_dynamic_bucket)};
}

std::span<ps_limit_bucket> Program::limit_memory() const noexcept {
  const auto bytes = limits_->bytes();
  return {reinterpret_cast<ps_limit_bucket*>(bytes.data()), bytes.size() / sizeof(ps_limit_bucket)};
}

void Program::set_answers(uint64_t per_second, unsigned cpus) {
  skeleton_->bss->config.answers = answer_budget(per_second, cpus * pairs_);
}

ps_dynamic_gate& Program::dynamic_gate() noexcept {
  return skeleton_->bss->config.dynamic;
}

ps_cookie_keys& Program::cookie_keys() noexcept {
  return skeleton_->bss->config.cookies;
}

void Program::set_test_time(uint64_t now_ns) noexcept {
  skeleton_->bss->config.test_now_ns = now_ns;
}

void Program::FreeRing::operator()(ring_buffer* ring) const noexcept {
  ring_buffer__free(ring);
}

void Program::set_sampling(const ps_sampling& sampling) noexcept {
  auto& live = skeleton_->bss->config.sampling;
  live.every = std::clamp(sampling.every, 1u, PS_SAMPLE_MAX_EVERY);
  live.snap = std::min(sampling.snap, PS_SAMPLE_MAX_BYTES);
  __atomic_store_n(&live.reasons, sampling.reasons, __ATOMIC_RELEASE);
}

// Called through C, which exceptions must not cross.
int Program::take_record(void* context, void* record, size_t bytes) {
  const auto& self = *static_cast<const Program*>(context);
  const auto& room = *static_cast<const ps_xdp_sample*>(record);
  if (bytes < sizeof room.sample || bytes - sizeof room.sample < room.sample.captured) return 0;
  try {
    (*self.take_)(room.sample, std::span(room.bytes, room.sample.captured));
  } catch (const std::exception&) {
    return -ENOMEM;
  }
  return 0;
}

void Program::drain_samples(const TakeSample& take) {
  take_ = &take;
  ring_buffer__consume(ring_.get());
}

int Program::fd() const noexcept {
  return bpf_program__fd(skeleton_->progs.postern);
}

std::array<Program::NamedMap, 5> Program::maps() const noexcept {
  const auto& maps = skeleton_->maps;
  return {{{"rules", bpf_map__fd(maps.rules)},
           {"dynamic", bpf_map__fd(maps.dynamic)},
           {"limits", bpf_map__fd(maps.limits)},
           {"cpus", bpf_map__fd(maps.cpus)},
           {"egress", bpf_map__fd(maps.egress)}}};
}

}  // namespace postern::xdp
