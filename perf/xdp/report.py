# SPDX-License-Identifier: BSD-3-Clause
"""The table of P8 to P10, and of what samples cost, in docs/performance.md, from what `perf/run xdp` wrote to perf/results. Prints
Markdown."""

import json
import pathlib
import sys


def shown(side):
    return f"{side['min']:.0f} / **{side['median']:.0f}** / {side['max']:.0f}"


def row(number, what, ours, theirs, result, target, met):
    return f"| {number} | {what} | {shown(ours)} | {shown(theirs)}, {theirs['name']} | {result} | {target} | {'met' if met else 'missed'} |"


def rows(comparisons):
    for comparison, target, least in ((comparisons[0], "40 ns", None), (comparisons[1], "8x, 150 ns", 8)):
        drawing, ours, trie = comparison["sides"]
        net, theirs = ours["median"] - drawing["median"], trie["median"] - drawing["median"]
        met = net <= 40 if least is None else theirs / net >= least and net <= 150
        yield row("P8", comparison["title"].removeprefix("P8, "), ours, trie,
                  f"{net:.0f} ns and {theirs:.0f} ns net of drawing a key ({drawing['median']:.0f} ns): {theirs / net:.1f}x", target, met)
    bare, idle, busy, million, *rest = comparisons[2]["sides"]
    for side, target in ((idle, 30), (busy, 55)):
        over = side["median"] - bare["median"]
        yield row("P9", side["name"].removeprefix("Postern, "), side, bare, f"+{over:.0f} ns", f"+{target} ns", over <= target)
    for peer in rest:
        ratio = million["median"] / peer["median"]
        yield row("P10", million["name"].removeprefix("Postern, "), million, peer, f"{ratio:.2f}x its time", "0.7x", ratio <= 0.7)
    none, some, _ = comparisons[3]["sides"]
    more = 100 * (some["median"] / none["median"] - 1)
    yield row("samples", f"{some['name']} shown, 10,000 entries", some, none, f"{more:+.1f} %", "2 %", more <= 2)


def main():
    results = json.loads((pathlib.Path(sys.argv[1]) / "xdp.json").read_text())
    print(f"Kernel {results['kernel']}, BPF_PROG_TEST_RUN, {results['passes']} passes of a million packets. "
          "Nanoseconds a packet: min / **median** / max.\n")
    print("| | what | Postern | beside it | result | target | |\n|---|---|---|---|---|---|---|")
    print("\n".join(rows(results["comparisons"])))


if __name__ == "__main__":
    main()
