// SPDX-License-Identifier: BSD-3-Clause
//
// The formats there are, one function per file of this folder, for the registry in list_format.cc.
// Everyone else goes through rules/lists/list_format.h.
#pragma once

#include "rules/lists/list_format.h"

namespace postern {

const ListFormat& cidr_format();
const ListFormat& domains_format();
const ListFormat& range_format();
const ListFormat& weighted_format();
const ListFormat& drop_text_format();
const ListFormat& drop_format();
const ListFormat& p2p_format();
const ListFormat& dat_format();
const ListFormat& csv_format();
const ListFormat& misp_format();

}  // namespace postern
