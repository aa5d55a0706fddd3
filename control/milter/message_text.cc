// SPDX-License-Identifier: BSD-3-Clause
//
// A CR before the LF is kept as the line end's: some servers send CRLF.
#include "control/milter/message_text.h"

namespace postern::milter {

std::string field_on_the_wire(std::string_view name, std::string_view value, bool exact) {
  std::string field(name);
  field += ':';
  // What begins with another blank most likely had nothing before it.
  const bool guess =
      !exact && !value.starts_with('\t') && !value.starts_with('\n') && !value.starts_with('\r');
  if (guess) field += ' ';
  for (size_t i = 0; i < value.size(); i++) {
    if (value[i] == '\n' && (i == 0 || value[i - 1] != '\r')) field += '\r';
    field += value[i];
  }
  return field + "\r\n";
}

std::string value_for_server(std::string_view body, bool exact) {
  // Sendmail and Postfix put a space before the value themselves where they took it off.
  if (!exact && body.starts_with(' ')) body.remove_prefix(1);
  std::string value;
  for (size_t i = 0; i < body.size(); i++)
    if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n') value += body[i];
  return value;
}

}  // namespace postern::milter
