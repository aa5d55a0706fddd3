// SPDX-License-Identifier: BSD-3-Clause
//
// DNS data: any octets as a master file, and as a response in wire form. A file is read whole or
// refused with a place inside it; a response gives records only when it says that it found some.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/dns/master_file.h"
#include "control/dns/message.h"
#include "rules/text/diagnostic.h"

namespace {

using namespace postern;
using namespace postern::dns;

void must(bool condition) {
  if (!condition) std::abort();
}

constexpr RecordType kTypes[] = {RecordType::kA,   RecordType::kNs, RecordType::kCname,
                                 RecordType::kPtr, RecordType::kMx, RecordType::kTxt,
                                 RecordType::kAaaa};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const MasterFile zone = MasterFile::parse(text, "fuzz");
    for (const char* name : {"", "a", "a.example.org", "x.y.example.org", "."}) {
      for (const RecordType type : kTypes) {
        const Answer answer = zone.find(name, type);
        must((answer.status == Status::kFound) == !answer.records.empty());
      }
    }
  } catch (const BadInput& error) {
    const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    must(error.diagnostics().size() == 1);
    must(error.diagnostics()[0].line >= 1 && error.diagnostics()[0].line <= lines);
    must(error.diagnostics()[0].column >= 1 && error.diagnostics()[0].column <= size + 1);
  }
  for (const RecordType type : kTypes) {
    const Answer answer = read_response(text, type);
    must((answer.status == Status::kFound) == !answer.records.empty());
    must((answer.status == Status::kFailed) == !answer.detail.empty());
  }
  return 0;
}
