# SPDX-License-Identifier: BSD-3-Clause
"""The table of P7, P11 to P14, P20 and P21 in docs/performance.md, from what `perf/run dataplane` wrote to
perf/results. Prints Markdown. A target whose benchmark was not run is left out by name."""

import json
import math
import pathlib
import sys

PEER = "testpmd's io loop"


class Results:
    """The comparisons of both files, found by how their titles begin."""

    def __init__(self, *files):
        self.comparisons = [one for file in files for one in file["comparisons"]]

    def sides(self, title, unit=""):
        for one in self.comparisons:
            if one["title"].startswith(title) and unit in one["unit"]:
                return {side["name"]: side for side in one["sides"]}
        return {}


def shown(side, digits=1):
    return f"{side['min']:,.{digits}f} / **{side['median']:,.{digits}f}** / {side['max']:,.{digits}f}"


def row(number, what, ours, theirs, result, target, met):
    return f"| {number} | {what} | {ours} | {theirs} | {result} | {target} | {'' if met is None else 'met' if met else 'missed'} |"


def pipeline(found):
    for entries, target in ((10_000, 40), (1_000_000, 80)):
        sides = found.sides(f"P7, {entries} entries")
        if not sides:
            continue
        peer = min((side for name, side in sides.items() if name.startswith("testpmd")), key=lambda side: side["median"])
        for name in ("all pass", "the listed half is dropped"):
            added = sides[f"added, {name}"]
            yield row("P7", f"{entries:,} entries, {name}; cycles a packet", shown(sides[f"Postern, {name}"]),
                      f"{shown(peer)}, {peer['name']}", f"+{added['median']:.0f} cycles", f"+{target}", added["median"] <= target)


def live(found, wire):
    entry, adding = found.sides("P11"), wire.sides("P11")
    if entry:
        worst = entry["from the request read to the worker's verdict, p99"]["median"]
        typical = entry["from the request read to the worker's verdict, p50"]["median"]
        theirs = "not run"
        if adding:
            theirs = f"{adding['nft add element, p50']['median']:,.0f}, p99 **{adding['nft add element, p99']['median']:,.0f}**, nft add element"
        yield row("P11", "one dynamic entry, 1,000,000 live; microseconds", f"p50 {typical:.1f}, p99 **{worst:.1f}**", theirs,
                  f"p99 {worst:.1f} us", "50 us", worst <= 50)
    swaps = found.sides("P12, throughput")
    if swaps:
        dip, lost = 1 - swaps["with swaps"]["median"], swaps["packets lost"]["median"]
        rates = list(found.sides("P12, a worker").values())
        yield row("P12", "swaps of 1,000,000 entries back to back, one every "
                  f"{swaps['milliseconds from one swap to the next']['median']:.0f} ms; million packets a second", shown(rates[1], 2),
                  f"{shown(rates[0], 2)}, no swap", f"{100 * dip:.1f} % less, {lost:.0f} lost, 0 by a mixture", "3 %, 0, 0",
                  dip <= 0.03 and lost == 0)
    samples = found.sides("Samples, 10000 entries")
    if samples:
        (more,) = samples.values()
        yield row("samples", "one dropped packet in 5,000 shown, 10,000 entries; cycles, of those without", shown(more, 3), "without",
                  f"{100 * (more['median'] - 1):+.1f} %", "2 %", more["median"] <= 1.02)
    hostile = found.sides("P13, throughput")
    if hostile:
        ratio = hostile["Postern"]["median"]
        yield row("P13", "throughput under hostile packets, of that under random ones", shown(hostile["Postern"], 2),
                  f"{shown(hostile[PEER], 2)}, testpmd's io loop", f"{ratio:.2f}", "0.6", ratio >= 0.6)
    cores = found.sides("P14, two cores")
    if cores:
        ratio = cores["Postern's of testpmd's"]["median"]
        yield row("P14", "two cores, of one", shown(cores["Postern"], 2), f"{shown(cores[PEER], 2)}, testpmd's io loop",
                  f"{ratio:.2f} of testpmd's", "0.95", ratio >= 0.95)


def wires(found, wire):
    one_way, ratios = wire.sides("P20, one way"), wire.sides("P20, Postern's")
    for label, target in (("p50", 1.1), ("p99.9", 1.5)):
        if not ratios:
            break
        ratio = ratios[label]["median"]
        yield row("P20", f"one way, {label}, AF_XDP on veth; microseconds", shown(one_way[f"Postern, {label}"]),
                  f"{shown(one_way[f'testpmd io, {label}'])}, testpmd io", f"{ratio:.2f}x", f"{target}x", ratio <= target)
    refused = found.sides("P21, complete")
    if refused:
        ratio = found.sides("P21, Postern's")["handshakes"]["median"]
        (theirs, ours) = refused.values()
        yield row("P21", "complete refused handshakes, `refuse greeting`; thousands a second and core", shown(ours, 0), f"{shown(theirs, 0)}, {theirs['name']}",
                  f"{ratio:.0f}x", "5x", ratio >= 5)


def beside_the_kernel(found, wire, mhz):
    pipeline_1m = found.sides("P7, 1000000 entries")
    if pipeline_1m:
        added = pipeline_1m["added, the listed half is dropped"]
        yield f"| Postern, the whole of judging | {added['median'] * 1000 / mhz:.0f} | over testpmd's io loop |"
    for title in ("nft netdev ingress, a set of hosts", "nft netdev ingress, an interval set", "iptables raw, ipset hash:net"):
        for side in wire.sides(title + ", over").values():
            yield f"| {side['name']} | {side['min']:.0f} / **{side['median']:.0f}** / {side['max']:.0f} | over dropping at once, the set alone |"


LINES = (10, 25, 100, 400)  # Gbit/s
BITS_ON_THE_WIRE = 84 * 8  # of the smallest frame, with preamble and gap


def scaling(found, mhz):
    """The table of docs/scaling.md: cores for a line full of the smallest SYNs."""
    whole = {}
    for entries in (10_000, 1_000_000):
        side = found.sides(f"P7, {entries} entries").get("Postern, the listed half is dropped")
        if side:
            whole[entries] = side["median"]
    if not whole:
        return
    yield ("\nA line full of the smallest SYNs, and the cores of this kind that judge them:\n\n| Gbit/s | million packets a second | " +
           " | ".join(f"{entries:,} entries, {cycles:.0f} cycles a packet" for entries, cycles in whole.items()) +
           " |\n|---|---|" + "---|" * len(whole))
    for line in LINES:
        millions = line * 1000 / BITS_ON_THE_WIRE
        cores = " | ".join(f"{math.ceil(millions * cycles / mhz)} ({millions * cycles / mhz:.1f})" for cycles in whole.values())
        yield f"| {line} | {millions:.1f} | {cores} |"


def loss_free(wire):
    rates = wire.sides("Highest rate without loss, AF_XDP")
    if rates:
        ratio = wire.sides("Highest rate without loss, Postern's")["rate"]
        yield (f"\nHighest rate without loss, AF_XDP on veth, thousand packets a second: Postern {shown(rates['Postern'], 0)}, testpmd io "
               f"{shown(rates['testpmd io'], 0)}; {shown(ratio, 2)} of testpmd's. The sender alone makes {rates['the sender alone']['median']:,.0f}.")


def main():
    folder = pathlib.Path(sys.argv[1])
    bench = json.loads((folder / "dataplane.json").read_text())
    path = folder / "wire.json"
    whole = json.loads(path.read_text()) if path.exists() else {"comparisons": [], "kernel": "not run"}
    found, wire = Results(bench), Results(whole)
    itself = wire.sides("testpmd itself").get("by its own count")
    print(f"{bench['processor']}, TSC {bench['tsc_mhz']:.0f} MHz, {bench['dpdk']}, kernel {whole['kernel']}, bursts of {bench['burst']}, "
          f"{bench['passes']} passes (between namespaces 10, the loss-free rate 3): min / **median** / max." +
          (f" testpmd itself counts {itself['median']:.1f} cycles a packet in io mode on the frames of P7's first rows.\n" if itself else "\n"))
    print("| | what | Postern | beside it | result | target | |\n|---|---|---|---|---|---|---|")
    print("\n".join((*pipeline(found), *live(found, wire), *wires(found, wire))))
    print("\nWith the same million addresses, what each adds to a packet:\n\n| | nanoseconds | |\n|---|---|---|")
    print("\n".join(beside_the_kernel(found, wire, bench["tsc_mhz"])))
    print("\n".join((*loss_free(wire), *scaling(found, bench["tsc_mhz"]))))


if __name__ == "__main__":
    main()
