# SPDX-License-Identifier: BSD-3-Clause
"""One engine between two real ports (`--wan DEV --mx DEV`): starts it, shows its counters, and
compares what it says it received with what the port itself counted. A port where nothing arrives
shows nothing: that is said, and never called agreement."""

import contextlib
import dataclasses
import json
import pathlib
import re
import socket
import subprocess
import time

from tests.e2e.lab import product, table
from tests.e2e.lab.namespaces import command

WATCHED_SECONDS = 5
# Drivers write their statistics with a delay, and packets are on their way in between.
SETTLE_SECONDS = 2
TELEMETRY = pathlib.Path("/var/run/dpdk/postern/dpdk_telemetry.v2")


class KernelPort:
    """A network device: the kernel's statistics, which its driver keeps. Frames that XDP took count."""

    def __init__(self, device):
        self.device = device

    def received(self):
        shown, = json.loads(command("ip", "-j", "-s", "link", "show", "dev", self.device).stdout)
        return shown["stats64"]["rx"]["packets"]

    def has_carrier(self):
        shown, = json.loads(command("ip", "-j", "link", "show", "dev", self.device).stdout)
        return "LOWER_UP" in shown["flags"]


class DpdkPort:
    """A port of DPDK's own: the statistics of its driver, through DPDK's telemetry."""

    def __init__(self, name):
        self.name = name.split(",", 1)[0]

    @staticmethod
    def ask(question):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as telemetry:
            telemetry.settimeout(10)
            telemetry.connect(str(TELEMETRY))
            telemetry.recv(1 << 16)  # its greeting
            telemetry.send(question.encode())
            return json.loads(telemetry.recv(1 << 16))[question.split(",", 1)[0]]

    @classmethod
    def buffers_in_use(cls):
        return sum(pool["in_use"] for pool in cls.ask("/postern/buffers").values())

    def number(self):
        for number in self.ask("/ethdev/list"):
            if self.ask(f"/ethdev/info,{number}")["name"] == self.name:
                return number
        raise RuntimeError(f"DPDK's telemetry knows no port {self.name}")

    def received(self):
        return self.ask(f"/ethdev/stats,{self.number()}")["ipackets"]

    def has_carrier(self):
        return self.ask(f"/ethdev/link_status,{self.number()}")["status"] == "UP"


def port_of(name):
    """A kernel device, also one that DPDK drives through AF_XDP; else a port of DPDK's own."""
    found = re.fullmatch(r"net_af_xdp\d*,(?:.*,)?iface=([^,]+)(?:,.*)?", name)
    device = found[1] if found else name
    return KernelPort(device) if device in (n for _, n in socket.if_nameindex()) else DpdkPort(name)


@dataclasses.dataclass
class Reading:
    """What an engine had received at one moment, and what the port had counted before and after it."""
    before: int
    engine: int
    after: int


def read(engine, ports):
    """-> a Reading of each port, by its name."""
    before = {name: port.received() for name, port in ports.items()}
    time.sleep(SETTLE_SECONDS)
    counted = engine.api.counters()["ports"]
    time.sleep(SETTLE_SECONDS)
    return {name: Reading(before[name], counted[name]["received"], port.received()) for name, port in ports.items()}


def comparison(begin, end, carrier):
    """-> (agrees, words). All that the port counted between the readings, and nothing else, has to be
    with the engine; what came while they were taken may be on either side."""
    least, most = max(0, end.before - begin.after), end.after - begin.before
    engine = end.engine - begin.engine
    if not carrier:
        return False, "no carrier: is the cable plugged in?"
    if most == 0 and engine == 0:
        return False, "nothing arrived, so nothing was shown"
    words = f"the engine received {engine}, the port counted {least if least == most else f'{least} to {most}'}"
    return least <= engine <= most, words


def run_ports(given, build, kind, folder, compile_policy):
    """-> True when traffic came on both ports and the engine saw all of it."""
    with contextlib.ExitStack() as stack:
        if kind == "dpdk":
            stack.enter_context(product.Hugepages())
        snapshot = folder / "snapshot"
        compile_policy(build, given.policy or pathlib.Path("docs/example.policy"), snapshot)
        engine = product.Engine(build, kind, folder, snapshot, subprocess.Popen, given.wan, given.mx)
        stack.callback(engine.stop)
        print(f"engine {kind} between {given.wan} and {given.mx}; management API on {engine.socket}", flush=True)
        ports = {"wan": port_of(given.wan), "mx": port_of(given.mx)}
        begin = read(engine, ports)
        stay = not given.once and (given.engine != "both" or kind == "xdp")
        end = time.monotonic() + WATCHED_SECONDS
        while engine.alive() and (stay or time.monotonic() < end):
            time.sleep(1)
            print("\n".join(table.counter_lines(engine.api.counters())), flush=True)
        if not engine.alive():
            print(f"{engine.name} died:\n{product.tail(engine.log)}")
            return False
        agreed, last = True, read(engine, ports)
        for name, port in ports.items():
            agrees, words = comparison(begin[name], last[name], port.has_carrier())
            print(f"{name:4} {'agrees' if agrees else 'DOES NOT AGREE'}: {words}", flush=True)
            agreed = agreed and agrees
        return agreed
