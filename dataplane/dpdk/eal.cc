// SPDX-License-Identifier: BSD-3-Clause
//
// Starting DPDK's EAL (dataplane/dpdk/eal.h), and saying in one line what it needs when it cannot.
#include "dataplane/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace postern::dpdk {
namespace {

constexpr uint64_t kKilobyte = 1024;
constexpr uint64_t kMegabyte = 1024 * kKilobyte;

std::string joined(const std::vector<unsigned>& numbers) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

struct Hugepages {
  uint64_t free_bytes = 0;
  uint64_t page_bytes = 2 * kMegabyte;  // of the smallest size there is
};

// What the kernel has free, of all sizes.
Hugepages free_hugepages() {
  Hugepages result;
  uint64_t smallest = 0;
  std::error_code absent;
  for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", absent)) {
    const auto name = size.path().filename().string();  // hugepages-2048kB
    uint64_t kilobytes = 0, pages = 0;
    if (std::sscanf(name.c_str(), "hugepages-%lukB", &kilobytes) != 1) continue;
    std::ifstream(size.path() / "free_hugepages") >> pages;
    result.free_bytes += pages * kilobytes * kKilobyte;
    if (smallest == 0 || kilobytes < smallest) smallest = kilobytes;
  }
  if (smallest > 0) result.page_bytes = smallest * kKilobyte;
  return result;
}

bool without_hugepages(const EalSettings& settings) {
  return std::ranges::find(settings.extra, "--no-huge") != settings.extra.end();
}

void require_hugepages(const EalSettings& settings) {
  if (without_hugepages(settings)) return;
  const auto found = free_hugepages();
  if (found.free_bytes >= settings.memory_mb * kMegabyte) return;
  const auto pages = (settings.memory_mb * kMegabyte + found.page_bytes - 1) / found.page_bytes;
  throw std::runtime_error("not enough hugepages: " + std::to_string(settings.memory_mb) +
                           " MB wanted, " + std::to_string(found.free_bytes / kMegabyte) +
                           " MB free; reserve them with `sysctl -w vm.nr_hugepages=" +
                           std::to_string(pages) + "`, or ask for less with --memory");
}

std::string why_not(int error) {
  if (error == EINVAL) return "EAL does not take its arguments; look at --cores and --eal";
  if (error == EACCES || error == EPERM || geteuid() != 0)
    return "no permission for hugepages and devices; run as root";
  if (error == ENOMEM)
    return "hugepages ran out while they were reserved; raise vm.nr_hugepages, or ask for less "
           "with --memory";
  return std::string("EAL says: ") + rte_strerror(error) + " (its own lines are above)";
}

ssize_t write_message(void*, const char* bytes, size_t size) {
  std::string_view text(bytes, size);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto level = static_cast<uint32_t>(rte_log_cur_msg_loglevel());
  if (!text.empty())
    spdlog::log(level <= RTE_LOG_ERR ? spdlog::level::warn : spdlog::level::debug,
                "event=dpdk-message text=\"{}\"", text);
  return static_cast<ssize_t>(size);
}

}  // namespace

std::vector<unsigned> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> cores;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (unsigned core = 0; core < CPU_SETSIZE; core++)
      if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

std::vector<std::string> eal_arguments(const EalSettings& settings,
                                       const std::vector<unsigned>& usable) {
  std::vector<unsigned> floor;  // where lcore 0 and EAL's own threads live
  std::ranges::copy_if(usable, std::back_inserter(floor), [&](unsigned core) {
    return std::ranges::find(settings.cores, core) == settings.cores.end();
  });
  if (floor.empty()) floor = usable;
  std::string lcores = "0@(" + joined(floor) + ")";
  for (size_t i = 0; i < settings.cores.size(); i++)
    lcores += "," + std::to_string(i + 1) + "@" + std::to_string(settings.cores[i]);

  std::vector<std::string> arguments = {"postern-dataplane",
                                        // Leaves no files behind and needs no mount; EAL takes it
                                        // with hugepages only.
                                        without_hugepages(settings) ? "--no-shconf" : "--in-memory",
                                        "--file-prefix=postern", "--lcores=" + lcores, "-m",
                                        std::to_string(settings.memory_mb)};
  if (settings.pci.empty()) arguments.emplace_back("--no-pci");
  for (const auto& address : settings.pci) {
    arguments.emplace_back("-a");
    arguments.push_back(address);
  }
  arguments.insert(arguments.end(), settings.extra.begin(), settings.extra.end());
  return arguments;
}

void log_eal_messages() {
  static FILE* stream = fopencookie(
      nullptr, "w", {.read = nullptr, .write = write_message, .seek = nullptr, .close = nullptr});
  if (stream) rte_openlog_stream(stream);
}

Eal::Eal(const EalSettings& settings) {
  const auto usable = usable_cores();
  for (const auto core : settings.cores)
    if (std::ranges::find(usable, core) == usable.end())
      throw std::runtime_error("core " + std::to_string(core) +
                               " is not there, or not for this process; it may use " +
                               joined(usable));
  if (settings.cores.size() >= RTE_MAX_LCORE)
    throw std::runtime_error("this DPDK takes at most " + std::to_string(RTE_MAX_LCORE - 1) +
                             " cores");
  require_hugepages(settings);

  auto arguments = eal_arguments(settings, usable);
  std::vector<char*> words;
  for (auto& argument : arguments) words.push_back(argument.data());
  if (rte_eal_init(static_cast<int>(words.size()), words.data()) < 0)
    throw std::runtime_error("DPDK does not start: " + why_not(rte_errno));
  for (unsigned i = 0; i < settings.cores.size(); i++) workers_.push_back(i + 1);
}

Eal::~Eal() {
  rte_eal_cleanup();
}

}  // namespace postern::dpdk
