# SPDX-License-Identifier: BSD-3-Clause
"""plot RESULTS FILE: where the cycles of a packet go, by stage, as bars in an SVG file, from what `perf/run
dataplane` wrote. Plain Python; colours are told apart by lightness, too."""

import json
import pathlib
import sys
from xml.sax.saxutils import escape

WIDTH, LEFT, BAR, GAP, TOP = 860, 250, 30, 18, 56
COLOURS = ("#d9d9d9", "#08519c", "#3182bd", "#6baed6", "#bdd7e7", "#969696")


def bars(results):
    """(name, [(stage, cycles)]) of each run: Postern's by stage, testpmd's whole."""
    entries = ""
    for one in results["comparisons"]:
        if one["title"].startswith("P7, "):
            entries = f"{int(one['title'].split()[1]):,} entries"
            peer = min((side for side in one["sides"] if side["name"].startswith("testpmd")), key=lambda side: side["median"])
            yield f"testpmd's io loop, the packets of {entries}", [("all of it", peer["median"])]
        elif one["unit"].endswith("by stage"):
            yield f"{one['title']}, {entries}", [(side["name"], side["median"]) for side in one["sides"]]


def text(x, y, words, anchor="start", size=12, fill="#222"):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def draw(results):
    runs = list(bars(results))
    most = max(sum(cycles for _, cycles in stages) for _, stages in runs)
    scale = (WIDTH - LEFT - 70) / most
    stages = [name for name, _ in max((stages for _, stages in runs), key=len)]
    height = TOP + len(runs) * (BAR + GAP) + 10
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
           'font-family="sans-serif">')
    yield f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    yield text(10, 20, "Cycles a packet, by stage", size=15)
    x = LEFT
    for stage, colour in zip(stages, COLOURS):
        yield f'<rect x="{x}" y="28" width="12" height="12" fill="{colour}"/>' + text(x + 16, 39, stage)
        x += 90
    for number, (name, parts) in enumerate(runs):
        y = TOP + number * (BAR + GAP)
        words, comma, rest = name.rpartition(", ")
        yield text(LEFT - 8, y + 13, words + comma.rstrip(), "end") + text(LEFT - 8, y + 27, rest, "end", fill="#666")
        x = LEFT
        for part, (stage, cycles) in enumerate(parts):
            width = cycles * scale
            colour = COLOURS[part] if len(parts) > 1 else "#525252"
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"><title>{escape(stage)}: {cycles:.1f}</title></rect>'
            if width > 24:
                dark = colour in ("#08519c", "#3182bd", "#525252", "#969696")
                yield text(x + width / 2, y + 20, f"{cycles:.0f}", "middle", fill="white" if dark else "#222")
            x += width
        yield text(x + 6, y + 20, f"{sum(cycles for _, cycles in parts):.0f}")
    yield "</svg>"


def main():
    results = json.loads((pathlib.Path(sys.argv[1]) / "dataplane.json").read_text())
    pathlib.Path(sys.argv[2]).write_text("\n".join(draw(results)) + "\n")


if __name__ == "__main__":
    main()
