# SPDX-License-Identifier: BSD-3-Clause
"""Where co_await may stand in control (docs/decisions/0031): g++ 12 compiles a co_await within a
condition, or one whose operands hold a conditional expression, into code that crashes, without a
word. This looks at the text of every statement with a co_await; it knows no C++ beyond that. And
how they are started: boost::asio::detached drops what a coroutine throws (control/loop/launch.h)."""

import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(os.environ.get("POSTERN_ROOT", pathlib.Path(__file__).parents[2]))
LITERALS = re.compile(r'//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')


def complaints(text):
    """The lines on which a co_await stands where it must not."""
    text = LITERALS.sub('""', text)
    found = []
    for match in re.finditer(r"\bco_await\b", text):
        begin = max(text.rfind(c, 0, match.start()) for c in ";{}") + 1
        before = text[begin:match.start()]
        end = text.find(";", match.end())
        after = text[match.end():end]
        # A complete `if (...)` before the statement is fine; being inside its parentheses is not.
        inside = before.count("(") > before.count(")")
        condition = re.search(r"\b(if|while|for|switch)\s*\(", before) and inside
        joined = re.search(r"(&&|\|\||!|\?)\s*$", before)
        if condition or joined or "?" in after:
            found.append(text.count("\n", 0, match.start()) + 1)
    return found


class Coroutines(unittest.TestCase):
    def test_the_check_itself(self):
        for bad in ("if (co_await f()) g();", "if (!co_await f()) g();", "x = a && co_await f();",
                    "while (co_await f()) {}", "co_await f(a ? b : c);", "return a ? co_await f() : b;"):
            self.assertEqual(complaints("void h() { " + bad + " }"), [1], bad)
        for good in ("const bool done = co_await f(); if (done) g();", "if (a) co_await f();",
                     "co_await f(g(a), b);", "co_return co_await f();", 'x = "co_await ? "; // co_await ?',
                     "auto first = co_await (f() || g());"):
            self.assertEqual(complaints("void h() { " + good + " }"), [], good)

    def test_the_tree(self):
        files = sorted(p for p in (ROOT / "control").rglob("*") if p.suffix in (".cc", ".h"))
        self.assertGreater(len(files), 20)
        for path in files:
            lines = complaints(path.read_text(encoding="utf-8"))
            self.assertEqual(lines, [], f"{path.relative_to(ROOT)}")

    def test_nothing_is_started_that_may_end_without_a_word(self):
        for path in sorted((ROOT / "control").rglob("*.cc")) + sorted((ROOT / "control").rglob("*.h")):
            code = LITERALS.sub('""', path.read_text(encoding="utf-8"))
            self.assertNotRegex(code, r"\bdetached\b", f"{path.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(unittest.main())
