// SPDX-License-Identifier: BSD-3-Clause
//
// A zone in the master file format of RFC 1035 §5, read into a table that can be asked. It is for
// verifying without a network, so it takes what a zone editor writes rather than what a name server
// needs: no SOA is required, several zones may stand in one file, a name that no $ORIGIN has
// preceded is taken as absolute, and a quoted string may be longer than 255 octets (a server would
// want it in pieces). $INCLUDE and $GENERATE are refused.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/dns/record.h"

namespace postern::dns {

class MasterFile {
 public:
  // file_name is for messages. Throws BadInput, with line and column, at the first error.
  static MasterFile parse(std::string_view text, std::string_view file_name);
  // Reads a file first; throws BadInput also when it cannot be read.
  static MasterFile load(const std::string& path);

  // CNAMEs are followed, wildcards (RFC 4592) expanded. name: any case, with or without the final
  // dot. A name that is not there, but has names below it, is kNoData (RFC 8020). Never kFailed,
  // but for a chain of more than 16 CNAMEs.
  Answer find(std::string_view name, RecordType type) const;

  size_t record_count() const noexcept;

 private:
  friend class MasterFileParser;
  // Names as Answer has them: lower case, no final dot; "" is the root.
  using RecordSet = std::map<RecordType, std::vector<std::string>>;
  const RecordSet* node(const std::string& name) const;
  bool exists(const std::string& name) const;
  void add(const std::string& name, RecordType type, std::string value);
  void add_name(const std::string& name);

  std::map<std::string, RecordSet, std::less<>> nodes_;
  std::set<std::string, std::less<>> inner_names_;  // without records, but with names below
};

}  // namespace postern::dns
