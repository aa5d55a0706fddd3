# SPDX-License-Identifier: BSD-3-Clause
"""What a person sees: the table of rows, filled as the answers come, and the counters beneath it."""

import shutil
import sys

HEADINGS = ("sender", "source", "expected", "seen")


def widths(rows):
    return [max(len(HEADINGS[i]), *(len(row[i]) for row in rows)) for i in range(4)]


def line(cells, wide):
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, wide)).rstrip()


class Table:
    """Rows are known from the start, except what will be seen. On a terminal the table is redrawn in
    place where it fits; elsewhere each row is printed once, when it is complete."""

    def __init__(self, title, rows, out=sys.stdout):
        self.title, self.out = title, out
        self.rows = [[row.sender, row.source, row.expected, ""] for row in rows]
        size = shutil.get_terminal_size()
        # Redrawn only where all of it fits: what has scrolled away cannot be drawn over.
        self.live = out.isatty() and len(rows) + 8 < size.lines and sum(widths(self.rows)) + 30 < size.columns
        self.drawn = 0
        self.note = []
        print(f"\n{title}", file=out)
        if not self.live:
            print(line(HEADINGS, widths(self.rows)), file=out, flush=True)

    def set(self, index, seen):
        self.rows[index][3] = seen
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

    def draw(self):
        wide = widths(self.rows)
        lines = [line(HEADINGS, wide)] + [line(row, wide) for row in self.rows] + [""] + self.note
        if self.drawn:
            self.out.write(f"\x1b[{self.drawn}A\x1b[J")
        self.out.write("\n".join(lines) + "\n")
        self.out.flush()
        self.drawn = len(lines)

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
