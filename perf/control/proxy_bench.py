# SPDX-License-Identifier: BSD-3-Clause
"""P19: messages per CPU-second of the SMTP proxy, against Postfix's before-queue proxy, on the same way:
smtp-source, one of the two, smtp-sink. The two take turns; each pass is a fresh program that must hand
on every message. Postern authenticates, decides, logs a line and adds two fields for each message;
Postfix adds one and logs. Run by `perf/run proxy`."""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

from perf.control.programs import PATH, Control, PostfixProxy, Sink, folder_for


def send(port, messages, sessions, size):
    """Seconds on the wall."""
    begun = time.monotonic()
    subprocess.run([shutil.which("smtp-source", path=PATH), "-c", "-m", str(messages), "-s", str(sessions), "-l", str(size),
                    "-f", "sender@sender.example", "-t", "someone@example.com", f"127.0.0.1:{port}"],
                   check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def one_pass(make, messages, options):
    program = make()
    try:
        took = send(program.port, messages, options.sessions, options.size)
    finally:
        program.end()
    return program.cpu_seconds, took


def main():
    parser = argparse.ArgumentParser(prog="perf/run proxy", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--messages", type=int, default=6000, help="of a pass")
    parser.add_argument("--sessions", type=int, default=20, help="at a time; smtp-source makes one for each message")
    parser.add_argument("--size", type=int, default=6144, help="octets of a message")
    options = parser.parse_args()
    rounds = {"postern-control": [], "postfix": []}
    with tempfile.TemporaryDirectory(prefix="postern-proxy-") as folder:
        pathlib.Path(folder).chmod(0o755)
        sink = Sink(folder)
        contenders = {
            "postern-control": lambda: Control(options.build, folder_for(folder, "control"), sink.port),
            "postfix": lambda: PostfixProxy(folder_for(folder, "postfix"), sink.port),
        }
        # What starting and ending costs is not the messages'.
        idle = {name: statistics.median(one_pass(make, 1, options)[0] for _ in range(3))
                for name, make in contenders.items()}
        for _ in range(options.passes):
            for name, make in contenders.items():
                cpu, took = one_pass(make, options.messages, options)
                rounds[name].append({"per_cpu_second": options.messages / (cpu - idle[name]),
                                     "per_second": options.messages / took})
        sink.end()
    sides = []
    for name, passes in rounds.items():
        for unit in ("per_cpu_second", "per_second"):
            figures = sorted(one[unit] for one in passes)
            sides.append({"name": name, "unit": unit, "min": figures[0], "median": statistics.median(figures),
                          "max": figures[-1]})
            print(f"{name:16} {unit:15} {figures[0]:8.0f} {statistics.median(figures):8.0f} {figures[-1]:8.0f}")
    ours, theirs = sides[0]["median"], sides[2]["median"]
    print(f"P19: {ours / theirs:.2f} times Postfix's messages per CPU-second ({options.size} octets, "
          f"{options.sessions} sessions at a time, one message each)")
    options.json.write_text(json.dumps({"messages": options.messages, "size": options.size, "sessions": options.sessions,
                                        "passes": options.passes, "sides": sides, "ratio": ours / theirs}, indent=1))


if __name__ == "__main__":
    main()
