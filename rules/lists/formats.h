// SPDX-License-Identifier: BSD-3-Clause
//
// The formats there are, one function per file of this folder, for the registry in list_format.cc;
// and what their readers share. Everyone else goes through rules/lists/list_format.h.
#pragma once

#include <string>
#include <string_view>

#include "rules/lists/list_format.h"

namespace postern {

const ListFormat& cidr_format();
const ListFormat& drop_format();
const ListFormat& domains_format();

// Counts a line that was skipped, and keeps the complaint while there are few.
void skip_line(ListContent& content, const std::string& file, uint32_t line, std::string message);

}  // namespace postern
