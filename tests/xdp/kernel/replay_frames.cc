// SPDX-License-Identifier: BSD-3-Clause
//
// replay_frames PROGRAM FRAMES: loads the BPF program into the kernel that this runs on, and judges
// the frames that record_frames wrote. The last line says how many there were and how many were
// judged otherwise. Made for a machine that has nothing but this: linked statically, for any
// x86-64.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core/dynamic.h"
#include "dataplane/core/limit.h"
#include "rules/abi/counters.h"
#include "rules/abi/snapshot_format.h"
#include "tests/xdp/kernel/recorded_frames.h"
#include "xdp/bpf/config.h"

namespace {

using postern::packets::RecordedFrame;
using postern::packets::RecordedHeader;

constexpr int kLoopback = 1;  // where BPF_PROG_TEST_RUN says that a frame came from
constexpr uint32_t kFirst = 0;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

class Reader {
 public:
  explicit Reader(const char* path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  const char* take(size_t size) {
    if (bytes_.size() - at_ < size) throw std::runtime_error("the frames end too early");
    at_ += size;
    return bytes_.data() + at_ - size;
  }
  template <typename T>
  T take() {
    T value;
    std::memcpy(static_cast<void*>(&value), take(sizeof value), sizeof value);
    return value;
  }

 private:
  std::vector<char> bytes_;
  size_t at_ = 0;
};

void fill(int map, const char* bytes, size_t size) {
  void* place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (place == MAP_FAILED) fail("mmap of a map");
  std::memcpy(place, bytes, size);
  munmap(place, size);
}

class Program {
 public:
  Program(const char* path, Reader& reader) : header_(reader.take<RecordedHeader>()) {
    if (header_.magic != postern::packets::kFramesMagic) throw std::runtime_error("no frames");
    object_ = bpf_object__open_file(path, nullptr);
    if (!object_) fail(path);
    bpf_map__set_max_entries(map("dynamic"), header_.dynamic_buckets);
    bpf_map__set_max_entries(map("limits"), header_.limit_buckets);
    if (bpf_object__load(object_) != 0) fail("loading the program");
    program_ = bpf_program__fd(bpf_object__find_program_by_name(object_, "postern"));

    LIBBPF_OPTS(bpf_map_create_opts, options);
    options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
    const int image = bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", 4, PS_CHUNK_BYTES,
                                     header_.image_chunks, &options);
    if (image < 0) fail("making a map for the image");
    const size_t image_bytes = size_t{header_.image_chunks} * PS_CHUNK_BYTES;
    fill(image, reader.take(image_bytes), image_bytes);
    if (bpf_map_update_elem(bpf_map__fd(map("rules")), &kFirst, &image, BPF_ANY) != 0)
      fail("putting the image into force");
    const size_t dynamic_bytes = header_.dynamic_buckets * sizeof(ps_dynamic_bucket);
    const char* dynamic = reader.take(dynamic_bytes);
    fill(bpf_map__fd(map("dynamic")), dynamic, dynamic_bytes);
    std::memcpy(&config_.dynamic, dynamic + offsetof(ps_dynamic_header, gate),
                sizeof config_.dynamic);
    const size_t limit_bytes = header_.limit_buckets * sizeof(ps_limit_bucket);
    fill(bpf_map__fd(map("limits")), reader.take(limit_bytes), limit_bytes);
    config_.topology = PS_TOPOLOGY_HOST;
    config_.cookies = header_.cookies;
    config_.answers = {1, 1'000'000'000};
  }
  uint32_t frames() const { return header_.frames; }
  // How many the kernel's verifier looked at, of the million that it is willing to.
  uint32_t verified_instructions() const {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program_, &info, &size) != 0) fail("asking for the program");
    return info.verified_insns;
  }

  // What was judged otherwise, in words; empty where nothing was.
  std::string judge(const RecordedFrame& frame, const char* in, const char* out) {
    config_.ports[0] = {kLoopback, static_cast<uint8_t>(frame.port), 0, 0,
                        UINT32_MAX};  // with a factor of 0 the only slot
    config_.test_now_ns = frame.now_ns;
    if (bpf_map_update_elem(bpf_map__fd(map(".bss")), &kFirst, &config_, BPF_ANY) != 0)
      fail("writing the configuration");
    const auto before = counters();
    std::vector<char> room(frame.bytes_in + 512);
    LIBBPF_OPTS(bpf_test_run_opts, test);
    test.data_in = in;
    test.data_size_in = frame.bytes_in;
    test.data_out = room.data();
    test.data_size_out = static_cast<uint32_t>(room.size());
    test.repeat = 1;
    if (bpf_prog_test_run_opts(program_, &test) != 0) fail("running the program");
    const auto after = counters();
    if (test.retval != frame.result)
      return "result " + std::to_string(test.retval) + ", not " + std::to_string(frame.result);
    for (uint32_t reason = 0; reason < PS_REASON_COUNT; reason++) {
      const auto more = after.packets[frame.port][reason] - before.packets[frame.port][reason];
      if (more != (reason == frame.reason ? 1u : 0u))
        return "reason " + std::to_string(reason) + " counted " + std::to_string(more) +
               " times, where " + std::to_string(frame.reason) + " is right";
    }
    for (uint32_t event = 0; event < PS_EVENT_COUNT; event++)
      if (after.events[event] - before.events[event] != (frame.events >> event & 1u))
        return "event " + std::to_string(event);
    if (test.data_size_out != frame.bytes_out ||
        std::memcmp(room.data(), out, frame.bytes_out) != 0)
      return "other bytes";
    return {};
  }

 private:
  bpf_map* map(const char* name) const {
    auto* found = bpf_object__find_map_by_name(object_, name);
    if (!found) throw std::runtime_error(std::string("the program has no map ") + name);
    return found;
  }
  ps_counters counters() const {
    std::vector<ps_xdp_cpu> each(static_cast<size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_lookup_elem(bpf_map__fd(map("cpus")), &kFirst, each.data()) != 0)
      fail("reading the counters");
    ps_counters sum{};
    for (const auto& cpu : each) {
      const auto& one = cpu.counters;
      for (size_t port = 0; port < PS_PORT_COUNT; port++)
        for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
          sum.packets[port][reason] += one.packets[port][reason];
      for (size_t event = 0; event < PS_EVENT_COUNT; event++)
        sum.events[event] += one.events[event];
    }
    return sum;
  }

  const RecordedHeader header_;
  bpf_object* object_ = nullptr;
  int program_ = -1;
  ps_xdp_config config_{};
};

// Where a constant lies in .rodata.
size_t offset_of(const bpf_object* object, std::string_view name) {
  const auto* types = bpf_object__btf(object);
  const auto* section =
      btf__type_by_id(types, static_cast<uint32_t>(btf__find_by_name(types, ".rodata")));
  if (!section) throw std::runtime_error("the program has no constants");
  const auto* places = btf_var_secinfos(section);
  for (int i = 0; i < btf_vlen(section); i++)
    if (btf__name_by_offset(types, btf__type_by_id(types, places[i].type)->name_off) == name)
      return places[i].offset;
  throw std::runtime_error("the program has no constant " + std::string(name));
}

// The program as devices with a large MTU get it (xdp/loader/program.cc): it loads, too.
uint32_t verified_for_frames_in_parts(const char* path) {
  auto* object = bpf_object__open_file(path, nullptr);
  if (!object) fail(path);
  size_t size = 0;
  auto* constants = const_cast<void*>(
      bpf_map__initial_value(bpf_object__find_map_by_name(object, ".rodata"), &size));
  const uint32_t yes = 1;
  std::memcpy(static_cast<char*>(constants) + offset_of(object, "frames_in_parts"), &yes, 4);
  auto* program = bpf_object__find_program_by_name(object, "postern");
  bpf_program__set_flags(program, BPF_F_XDP_HAS_FRAGS);
  if (bpf_object__load(object) != 0) fail("loading the program for frames in parts");
  bpf_prog_info info{};
  uint32_t info_size = sizeof info;
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &info_size) != 0)
    fail("asking for the program");
  bpf_object__close(object);
  return info.verified_insns;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    std::fprintf(stderr, "usage: replay_frames PROGRAM FRAMES\n");
    return 2;
  }
  try {
    Reader reader(words[2]);
    Program program(words[1], reader);
    std::printf("loaded, %u instructions verified\n", program.verified_instructions());
    std::printf("in parts, %u instructions verified\n", verified_for_frames_in_parts(words[1]));
    uint32_t otherwise = 0;
    for (uint32_t i = 0; i < program.frames(); i++) {
      const auto frame = reader.take<RecordedFrame>();
      const char* in = reader.take(frame.bytes_in);
      const char* out = reader.take(frame.bytes_out);
      const auto wrong = program.judge(frame, in, out);
      if (wrong.empty()) continue;
      if (otherwise++ < 10) std::printf("frame %u: %s\n", i, wrong.c_str());
    }
    std::printf("%u frames, %u judged otherwise\n", program.frames(), otherwise);
    return otherwise == 0 && program.frames() > 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("replay_frames: %s\n", error.what());
    return 1;
  }
}
