// SPDX-License-Identifier: BSD-3-Clause
//
// What check, compile and apply say about a policy and its lists, as text and as JSON. Complaints
// go to standard error as `file:line:col: what`, everything else to standard output.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "rules/compile/compile.h"
#include "rules/text/diagnostic.h"

namespace postern::cli {

// The diagnostic, made printable line by line.
void print_diagnostic(std::ostream& out, const Diagnostic& diagnostic);

// [{"file", "line", "column", "message"}]; line and column are left out where they are not known.
boost::json::array diagnostics_json(const std::vector<Diagnostic>& diagnostics);
// [{"name", "file", "format", "entries", "skipped", "recognised", "unchanged", "kept_previous",
// "expired", "stale"}]
boost::json::array lists_json(const std::vector<ListReport>& lists);

// "read in 0.01 s, compiled in 0.20 s"
std::string timing_text(const CompileResult& result);
// {"reading", "compiling"}
boost::json::object timing_json(const CompileResult& result);

// A table with one row per list.
void print_lists(std::ostream& out, const std::vector<ListReport>& lists);

}  // namespace postern::cli
