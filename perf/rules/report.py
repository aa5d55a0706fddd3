# SPDX-License-Identifier: BSD-3-Clause
"""The table of P1 to P6 in docs/performance.md, from what `perf/run tables` and `perf/run load` wrote
to perf/results. Prints Markdown. A target whose workload was not run is left out by name."""

import json
import pathlib
import statistics
import sys

MIB = 1 << 20


class Workload:
    """One workload of lookup_bench: our bursts, and the best mode of the best peer."""

    def __init__(self, found):
        self.found = found
        ran = [c for c in found["contenders"] if "cycles" in c]
        self.ours = next(c for c in ran if c["ours"])  # bursts come first
        self.peer = min((c for c in ran if not c["ours"]), key=lambda c: c["cycles"]["median"])

    def faster(self):
        return self.peer["cycles"]["median"] / self.ours["cycles"]["median"]

    def mib(self, side=None):
        return (side or self.ours)["bytes"] / MIB

    def row(self, number, what, target, met):
        def cycles(side):
            return "{min:.1f} / **{median:.1f}** / {max:.1f}".format(**side["cycles"])

        return (f"| {number} | {what} | {cycles(self.ours)} | {cycles(self.peer)}, {self.peer['name']}, "
                f"{self.peer['entry']} | {self.faster():.2f}x in {self.mib():.1f} MiB (theirs {self.mib(self.peer):.0f}) | "
                f"{target} | {'met' if met else 'missed'} |")


def look_ups(results):
    workloads = {found["name"]: Workload(found) for found in results["workloads"]}

    def rows():
        for name, number, target, holds in (
                ("v4-nets", "P1, P5", "1x in 8 MiB", lambda w: w.faster() >= 1 and w.mib() <= 8),
                ("v4-hosts", "P2, P4", "1.5x in 16 MiB", lambda w: w.faster() >= 1.5 and w.mib() <= 16),
                ("v4-real", "P2, P4", "1.5x in 45 MiB", lambda w: w.faster() >= 1.5 and w.mib() <= 45),
                ("v6-50k", "P3", "3x", lambda w: w.faster() >= 3),
                ("v6-230k", "P3", "3x", lambda w: w.faster() >= 3),
                ("v6-real", "P3", "3x", lambda w: w.faster() >= 3)):
            if name not in workloads:
                yield f"| {number} | {name} | not run | | | {target} | |"
                continue
            w = workloads[name]
            about = w.found["about"] if "real" not in name else "the published lists"
            what = (f"{name}: {about}; {w.found['entries']:,} entries, {w.found['segments']:,} segments, "
                    f"{w.found['classes']:,} classes")
            yield w.row(number, what, target, holds(w))

    machine = results["machine"]
    yield (f"{machine['processor']}, TSC {machine['tsc_mhz']:.0f} MHz, {machine['dpdk']}, g++ {machine['compiler']}, "
           f"{machine['simd_bits']} bits of SIMD, bursts of {machine['burst']}, hit ratio "
           f"{results['workloads'][0]['hit_ratio']:.2f}, {machine['passes']} passes. Cycles a look-up: min / **median** / max.\n")
    yield "| | what | Postern | best peer | faster | target | |"
    yield "|---|---|---|---|---|---|---|"
    yield from rows()


def loading(results):
    sides = {side["name"]: side["seconds"] for side in results["sides"]}
    reading = {side["name"]: f"{statistics.median(side['reading']):.3f}" for side in results["sides"] if "reading" in side}
    targets = {"postern apply, text list": lambda s, _: ("0.5 s", statistics.median(s) <= 0.5),
               "compiled snapshot": lambda s, _: ("50 ms", statistics.median(s) <= 0.05),
               "postern explain, file": lambda s, _: ("10 ms", statistics.median(s) <= 0.01),
               "postern explain, engine": lambda s, _: ("10 ms", statistics.median(s) <= 0.01),
               "ipset restore, hash:net": lambda s, ours: ("7x", statistics.median(s) / ours >= 7),
               "nft -f, interval set": lambda s, ours: ("35x", statistics.median(s) / ours >= 35)}
    ours = statistics.median(sides["postern apply, text list"])
    yield (f"\nP6, and `postern explain` on the same rules: {results['entries']:,} scattered /32 into the {results['engine']} engine, "
           f"{len(sides['compiled snapshot'])} passes of each in turn, {results['versions']}.\n")
    yield "| what | min / **median** / max, s | of it reading lists | ÷ the first | target | |"
    yield "|---|---|---|---|---|---|"
    for name, seconds in sides.items():
        target, met = targets.get(name, lambda *_: ("", None))(seconds, ours)
        yield (f"| {name} | {min(seconds):.3f} / **{statistics.median(seconds):.3f}** / {max(seconds):.3f} | {reading.get(name, '')} | "
               f"{statistics.median(seconds) / ours:.2f}x | {target} | {'' if met is None else 'met' if met else 'missed'} |")


def main():
    folder = pathlib.Path(sys.argv[1])
    for file, make in (("tables.json", look_ups), ("load.json", loading)):
        print("\n".join(make(json.loads((folder / file).read_text()))))


if __name__ == "__main__":
    main()
