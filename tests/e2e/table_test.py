#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The lab's table on terminals of several sizes: a small model of a terminal (wrapping, scrolling,
cursor up, clear) shows what a person would see after many redraws."""

import io
import os
import pathlib
import re
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.e2e.lab import table  # noqa: E402


class Row:
    def __init__(self, number):
        self.sender = f"number {number} of the senders, of no short name"
        self.source = f"2001:db8:600d::{number}"
        self.expected = "accepted, dkim=none, forgery removed"


class Terminal(io.StringIO):
    def __init__(self, columns, lines):
        super().__init__()
        self.size = os.terminal_size((columns, lines))
        self.screen, self.x, self.y, self.wrapped = [""] * lines, 0, 0, 0

    def isatty(self):
        return True

    def write(self, text):
        for part in re.findall(r"\x1b\[\d*[A-Z]|.|\n", text):
            if part.startswith("\x1b"):
                count, what = int(part[2:-1] or 0), part[-1]
                if what == "A":
                    self.y, self.x = max(0, self.y - count), self.x
                elif what == "H":
                    self.x = self.y = 0
                elif what == "J":
                    self.screen[self.y] = self.screen[self.y][: self.x] if count == 0 else ""
                    first = self.y + 1 if count == 0 else 0
                    self.screen[first:] = [""] * (len(self.screen) - first)
            elif part == "\n":
                self.down()
            else:
                if self.x == self.size.columns:
                    self.wrapped += 1
                    self.down()
                self.screen[self.y] = self.screen[self.y][: self.x].ljust(self.x) + part
                self.x += 1
        return len(text)

    def down(self):
        self.x, self.y = 0, self.y + 1
        if self.y == len(self.screen):
            self.y -= 1
            self.screen = self.screen[1:] + [""]


NOTE = ["wan  received 3363, passed 3352, stopped 11: " + ", ".join(f"reason-{n} {n}" for n in range(20)),
        "mx   received 3365", "", "Ctrl-C ends it"]


class Drawn(unittest.TestCase):
    def play(self, columns, lines, rows=25, rounds=3):
        terminal = Terminal(columns, lines)
        with mock.patch.object(table.shutil, "get_terminal_size", lambda: terminal.size):
            shown = table.Table("engine", [Row(n) for n in range(rows)], terminal)
            for turn in range(rounds):
                for index in range(rows):
                    shown.set(index, Row(0).expected if (index, turn) != (rows - 1, rounds - 1) else "450")
                    shown.say(NOTE)
        return terminal, shown

    def test_stays_where_it_is_at_every_size(self):
        for columns, lines in ((80, 24), (100, 30), (130, 24), (130, 60), (117, 34), (60, 16), (200, 70)):
            with self.subTest(columns=columns, lines=lines):
                terminal, _ = self.play(columns, lines)
                said = "\n".join(terminal.screen)
                self.assertEqual(terminal.wrapped, 0, said)
                self.assertEqual(said.count("sender  "), 1, said)
                self.assertEqual(said.count("Ctrl-C ends it"), 1, said)
                self.assertEqual(said.count("number 24 of "), 1, said)  # the one at work
                self.assertIn(" 450", said)

    def test_what_fits_is_shown_whole(self):
        terminal, shown = self.play(200, 70)
        self.assertTrue(shown.complete)
        self.assertEqual(sum("accepted, dkim=none, forgery removed" in text for text in terminal.screen), 25)
        before = list(terminal.screen)
        shown.finish()
        self.assertEqual(terminal.screen, before)

    def test_what_does_not_fit_is_printed_whole_at_the_end(self):
        terminal, shown = self.play(80, 24)
        said = "\n".join(terminal.screen)
        self.assertGreater(said.count("as expected"), 8, said)
        self.assertLess(said.count("number "), 25)
        with mock.patch.object(table, "print", create=True) as printed:
            shown.finish()
        said = printed.call_args.args[0]
        self.assertEqual(said.count(" of the senders"), 25)
        self.assertEqual(said.count("accepted, dkim=none, forgery removed  accepted, dkim=none, forgery removed"), 24)
        self.assertEqual(len(shown.failures()), 1)

    def test_a_terminal_that_changes_its_size(self):
        terminal, shown = self.play(130, 40)
        terminal.size = os.terminal_size((80, 24))
        terminal.screen, terminal.y = terminal.screen[:24], 23
        with mock.patch.object(table.shutil, "get_terminal_size", lambda: terminal.size):
            shown.say(NOTE)
            shown.set(0, "")
        said = "\n".join(terminal.screen)
        self.assertEqual((said.count("sender  "), terminal.wrapped), (1, 0), said)

    def test_without_a_terminal_every_row_is_printed_once_and_whole(self):
        out = io.StringIO()
        shown = table.Table("engine", [Row(n) for n in range(25)], out)
        for index in range(25):
            shown.set(index, "450")
        shown.say(NOTE)
        shown.finish()
        said = out.getvalue()
        self.assertEqual(said.count(" of the senders"), 25)
        self.assertIn(NOTE[0], said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
