// SPDX-License-Identifier: BSD-3-Clause
//
// AuthResult to JSON, field by field.
#include "control/auth/auth_result_json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "rules/text/utf8.h"

namespace postern::auth {
namespace json = boost::json;
namespace {

// Parsers would refuse the document for one octet that is not UTF-8.
std::string printable(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string result;
  for (char c : text) {
    if ((c & 0x80) == 0) {
      result += c;
    } else {
      result += "\xef\xbf\xbd";
    }
  }
  return result;
}

}  // namespace

json::value to_json(const AuthResult& result) {
  json::array dkim;
  for (const DkimResult& one : result.dkim) {
    dkim.push_back(json::object{{"domain", printable(one.domain)},
                                {"selector", printable(one.selector)},
                                {"algorithm", printable(one.algorithm)},
                                {"key_bits", one.key_bits},
                                {"result", word(one.result)},
                                {"reason", printable(one.reason)},
                                {"body_hash_ok", one.body_hash_ok}});
  }
  json::array spf;
  for (const SpfResult& one : result.spf) {
    spf.push_back(json::object{{"identity", one.identity},
                               {"domain", printable(one.domain)},
                               {"result", word(one.result)},
                               {"reason", printable(one.reason)}});
  }
  return json::object{{"dkim", std::move(dkim)},
                      {"spf", std::move(spf)},
                      {"dmarc", json::object{{"result", word(result.dmarc.result)},
                                             {"policy", result.dmarc.policy},
                                             {"domain", printable(result.dmarc.domain)}}}};
}

}  // namespace postern::auth
