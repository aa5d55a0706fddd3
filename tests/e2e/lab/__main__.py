# SPDX-License-Identifier: BSD-3-Clause
"""The command line of the lab; `./run` hands its arguments on to this. See --help."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tests.e2e.lab import ports, product, real_lists, table
from tests.e2e.lab.farm import Farm, NameServer
from tests.e2e.lab.mail import Keys
from tests.e2e.lab.namespaces import Network
from tests.e2e.lab.scenario import Scenario, write_policy, zones


def arguments():
    parser = argparse.ArgumentParser(
        prog="./run", description="Show Postern at work: real senders, a real farm, the packet engines between them.",
        epilog="Without --once it stays up until Ctrl-C. Exit status: 0 every row agrees (with real ports: the engine "
        "saw all that each port counted, and something came), 1 not, 2 wrong usage.")
    parser.add_argument("--once", action="store_true", help="print the final table and end")
    parser.add_argument("--engine", choices=("dpdk", "xdp", "both"), default="both",
                        help="which packet engine; both: one after the other (default)")
    parser.add_argument("--wan", metavar="DEV", help="real port towards the Internet, instead of the lab: a device, "
                        "or for dpdk also a PCI address or vdev")
    parser.add_argument("--mx", metavar="DEV", help="real port towards the mail farm")
    parser.add_argument("--policy", metavar="FILE", help="with --wan and --mx: the policy to enforce "
                        "(default: the example of the documents)")
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument("--keep", metavar="DIR", help="keep the lab's logs and messages in DIR")
    parser.add_argument("--results", metavar="FILE", help="append one line of JSON for each row")
    parser.add_argument("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if bool(given.wan) != bool(given.mx):
        parser.error("--wan and --mx go together")
    if given.policy and not given.wan:
        parser.error("--policy goes with --wan and --mx; the lab brings its own")
    return given


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FAULTS = (RuntimeError, OSError, subprocess.SubprocessError)


def interrupted(number, _frame):
    for each in SIGNALS:  # the clean-up that follows is not interrupted
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def compile_policy(build, policy, snapshot):
    done = subprocess.run([build / "control/cli/postern", "compile", "--policy", policy, "-o", snapshot],
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"postern compile: {done.stderr.strip() or done.stdout.strip()}")


def record(path, kind, rows, left_out):
    with open(path, "a", encoding="utf-8") as out:
        for sender, source, expected, seen in rows:
            print(json.dumps({"name": f"lab {kind}: {sender}", "result": "passed" if seen == expected else "failed",
                              "reason": "" if seen == expected else f"from {source}: expected {expected!r}, saw {seen!r}"}),
                  file=out)
        for what, why in left_out.items():
            print(json.dumps({"name": f"lab {kind}: {what}", "result": "skipped", "reason": why}), file=out)


def run_lab(given, build, kind, folder):
    """-> True when every row agreed."""
    with contextlib.ExitStack() as stack:
        if kind == "dpdk":
            stack.enter_context(product.Hugepages())
        network = stack.enter_context(Network())
        keys = Keys(folder)
        reals, left_out = real_lists.find()
        snapshot = folder / "snapshot"
        compile_policy(build, write_policy(folder, reals), snapshot)
        real_lists.choose_addresses(build, snapshot, reals)

        def start(part):
            stack.callback(part.stop)
            return part

        farm = start(Farm(network.mx, folder))
        names = start(NameServer(network.mx, folder, zones(keys)))
        if kind == "xdp":  # before it: a veth end says that it sends what is redirected when its peer takes it
            network.take_redirected(build / "xdp/bpf/pass.bpf.o")
        engine = start(product.Engine(build, kind, folder, snapshot, network.box.popen))
        control = start(product.Control(build, network, folder, snapshot, engine))
        scenario = Scenario(network, folder, farm, names, keys, engine, reals)
        rows = scenario.rows()
        for source in sorted({row.source for row in rows}):
            (network.add_inside if source.startswith("192.168.") else network.add_source)(source)
        for server in scenario.SERVERS:
            network.add_source(server)
        for what, why in left_out.items():
            print(f"left out: {what}: {why}")
        shown = table.Table(f"engine {kind}", rows)
        for index, row in enumerate(rows):
            shown.set(index, seen_of(row))
        shown.say(table.counter_lines(engine.api.counters()))
        for part in (engine, control):
            if not part.alive():
                shown.say([f"{part.name} died:", product.tail(part.log)])
                return False
        failed = shown.failures()
        if given.results:
            record(given.results, kind, shown.rows, left_out)
        if failed and not given.keep:
            print(f"-- last lines of control's log\n{product.tail(control.log, 20)}")
        if not given.once and (given.engine != "both" or kind == "xdp"):
            names.start()
            stay_up(scenario, rows, shown, engine)
        shown.finish()
        return not failed


def seen_of(row):
    """What came of a row; a fault of the lab's own is said in its place."""
    try:
        return row.see()
    except FAULTS as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


def stay_up(scenario, rows, shown, engine):
    """Goes on sending, row after row, until interrupted. (DNS stays up, the bots stay learned, and who was renamed keeps
    the name.)"""
    print("\nstaying up; Ctrl-C ends it" if not shown.live else "", flush=True)
    passing = ("DNS down", "Postfix", "limited", "a pool by its name")
    again = [(i, row) for i, row in enumerate(rows) if not row.sender.startswith(passing)
             and "three visits" not in row.sender]
    while True:
        for index, row in again:
            shown.set(index, seen_of(row))
            if not engine.alive():
                raise RuntimeError(f"{engine.name} died:\n{product.tail(engine.log)}")
            shown.say(table.counter_lines(engine.api.counters()) + ["", "Ctrl-C ends it"])
            time.sleep(1)


def main():
    given = arguments()
    if given.check_arguments:
        return 0
    for number in SIGNALS:
        signal.signal(number, interrupted)
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")
    build = pathlib.Path(given.build).resolve()
    kinds = ("dpdk", "xdp") if given.engine == "both" else (given.engine,)
    agreed = True
    try:
        for kind in kinds:
            with tempfile.TemporaryDirectory(prefix="postern-lab-") as name:
                folder = pathlib.Path(name)
                folder.chmod(0o755)
                try:
                    if given.wan:
                        agreed = ports.run_ports(given, build, kind, folder, compile_policy) and agreed
                    else:
                        agreed = run_lab(given, build, kind, folder) and agreed
                finally:
                    if given.keep:
                        shutil.copytree(folder, pathlib.Path(given.keep) / kind, dirs_exist_ok=True,
                                        ignore=lambda *_: ["queue", "data"], ignore_dangling_symlinks=True)
    except KeyboardInterrupt:
        print("\nended", file=sys.stderr)
        return 130 if given.once else 0
    except FAULTS as error:
        print(f"postern: {error}", file=sys.stderr)
        return 1
    what = "port agrees" if given.wan else "row agrees"
    print(f"\nevery {what}" if agreed else f"\nNOT every {what}", flush=True)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
