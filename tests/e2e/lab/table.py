# SPDX-License-Identifier: BSD-3-Clause
"""What a person sees: the table of rows, filled as the answers come, and the counters beneath it. On
a terminal it is redrawn in place, at any size: cells are cut and counters wrapped to the width, and
of more rows than fit, those around the one at work are shown. Elsewhere nothing is ever cut."""

import shutil
import sys
import textwrap

HEADINGS = ("sender", "source", "expected", "seen")
GAP = 2
AGREES = "as expected"  # in place of the words, where there is no room for them twice


def widths(rows):
    return [max(len(HEADINGS[i]), *(len(row[i]) for row in rows)) for i in range(4)]


def cut(text, width):
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def line(cells, wide):
    return (" " * GAP).join(cut(cell, width).ljust(width) for cell, width in zip(cells, wide)).rstrip()


def whole(rows):
    """The lines of the whole table, as wide as they have to be."""
    wide = widths(rows)
    return [line(HEADINGS, wide)] + [line(row, wide) for row in rows]


def narrowed(wide, columns):
    """Widths that fit: what is said twice gives way first, then the names."""
    sender, source, expected, _ = wide
    least = [16, 12, 12, len(AGREES)]
    seen = least[3]
    for give in range(3):
        over = sender + source + expected + seen + 3 * GAP - columns
        if over <= 0:
            break
        if give == 0:
            expected = max(least[2], expected - over)
        elif give == 1:
            sender = max(least[0], sender - over)
        else:
            source = max(least[1], source - over)
    return [sender, source, expected, seen]


class Table:
    """Rows are known from the start, except what will be seen."""

    def __init__(self, title, rows, out=sys.stdout):
        self.title, self.out = title, out
        self.rows = [[row.sender, row.source, row.expected, ""] for row in rows]
        self.live = out.isatty()
        self.drawn, self.at, self.size = 0, 0, None
        self.complete = True  # whether all of it was to be seen when drawn last
        self.note = []
        print(f"\n{title}", file=out)
        if not self.live:
            print(line(HEADINGS, widths(self.rows)), file=out, flush=True)

    def set(self, index, seen):
        self.rows[index][3] = seen
        self.at = index
        if self.live:
            self.draw()
        else:
            print(line(self.rows[index], widths(self.rows)), file=self.out, flush=True)

    def say(self, lines):
        """Lines beneath the table (the counters)."""
        self.note = lines
        if self.live:
            self.draw()
        else:
            print("\n".join(lines), file=self.out, flush=True)

    def finish(self):
        """The whole table, where what was drawn last did not show all of it."""
        if self.live and not self.complete:
            print("\n".join(["", self.title, *whole(self.rows), *self.note]), file=self.out, flush=True)

    def draw(self):
        size = shutil.get_terminal_size()
        if self.size not in (None, size):  # what was drawn has been folded anew: nobody knows how
            self.out.write("\x1b[2J\x1b[H")
            self.drawn = 0
        self.size = size
        lines = self.lines(size.columns - 1, size.lines - 1)  # the cursor stands in the last line
        if self.drawn:
            self.out.write(f"\x1b[{self.drawn}A\x1b[J")
        self.out.write("\n".join(lines) + "\n")
        self.out.flush()
        self.drawn = len(lines)

    def lines(self, columns, height):
        note = [part for text in self.note for part in textwrap.wrap(text, columns, subsequent_indent="     ") or [""]]
        if len(note) > height // 2:
            note = note[: height // 2 - 1] + note[-1:]
        wide, rows = widths(self.rows), self.rows
        self.complete = sum(wide) + 3 * GAP <= columns
        if not self.complete:
            wide = narrowed(wide, columns)
            rows = [[*row[:3], AGREES if row[3] == row[2] else row[3]] for row in rows]
        room = max(1, height - 2 - len(note))  # beneath the headings, above an empty line
        if room < len(rows):
            self.complete = False
            first = min(max(0, self.at - room + 2), len(rows) - room)
            rows = rows[first:first + room]
        shown = [line(HEADINGS, wide)] + [line(row, wide) for row in rows] + [""] + note
        return [cut(text, columns) for text in shown][:height]

    def failures(self):
        return [row for row in self.rows if row[2] != row[3]]


def counter_lines(counters):
    """The ledger of each port, the reasons that occurred, the largest first."""
    lines = []
    for port, ledger in counters["ports"].items():
        reasons = sorted(((n, r) for r, n in ledger["reasons"].items() if n), reverse=True)
        lines.append(f"{port:4} received {ledger['received']}, passed {ledger['passed']}, stopped {ledger['stopped']}: "
                     + ", ".join(f"{reason} {count}" for count, reason in reasons))
    return lines
