# SPDX-License-Identifier: BSD-3-Clause
"""The table of P15 in docs/performance.md, from what `perf/run names` wrote to perf/results. Prints Markdown."""

import json
import pathlib
import sys

TARGET = 50  # times faster than Postfix


def shown(side, digits):
    return f"{side['min']:,.{digits}f} / **{side['median']:,.{digits}f}** / {side['max']:,.{digits}f}"


def rows(results):
    ours, whole, jit, postfix = results["sides"]
    for number, side, peer, target in (("P15", ours, postfix, TARGET), ("", ours, jit, None), ("", whole, postfix, None)):
        times = peer["median"] / side["median"]
        met = "" if target is None else "met" if times >= target else "missed"
        yield (f"| {number} | {side['name']} | {shown(side, 0)} | {shown(peer, 0)}, {peer['name']} | {times:.0f}x | "
               f"{'' if target is None else f'{target}x'} | {met} |")


def main():
    results = json.loads((pathlib.Path(sys.argv[1]) / "names.json").read_text())
    print(f"{results['patterns']:,} patterns, {results['fallbacks']} left to PCRE2; {results['names']:,} names, of which {results['hits']:,} match; "
          f"{results['passes']} passes; Hyperscan {results['platform']}. Nanoseconds of CPU a name: min / **median** / max.\n")
    print("| | what | Postern | beside it | faster | target | |\n|---|---|---|---|---|---|---|")
    print("\n".join(rows(results)))
    print("\nUntil a table is ready:\n\n| what | min / **median** / max, ms of CPU |\n|---|---|")
    for load in results["loads"]:
        print(f"| {load['name']} | {shown(load, 1)} |")


if __name__ == "__main__":
    main()
