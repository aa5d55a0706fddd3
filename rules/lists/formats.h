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
const ListFormat& postfix_cidr_format();
const ListFormat& sendmail_access_format();
const ListFormat& pf_format();
const ListFormat& spamd_format();
const ListFormat& ip4trie_format();
const ListFormat& ip4set_format();
const ListFormat& ip6trie_format();
const ListFormat& combined_format();
const ListFormat& ipset_format();
const ListFormat& nft_format();
const ListFormat& prefix_list_format();
const ListFormat& bgpq4_json_format();
const ListFormat& juniper_format();

}  // namespace postern
