# SPDX-License-Identifier: BSD-3-Clause
"""The DPDK engine as a whole program, between namespaces of the bench's own: the latency that it adds
to passing traffic (P20) and the highest rate without loss, both beside testpmd in io mode on the same
two AF_XDP ports; adding one entry with `nft add element` (P11's peer); and what nft (netdev ingress)
and iptables with ipset (raw table) add to a packet with the same million addresses. Run it by `perf/run
dataplane`; perf/README.md says how to read it."""

import argparse
import contextlib
import json
import pathlib
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from tests.e2e.lab import product
from tests.e2e.lab.farm import stop, wait_for
from tests.e2e.lab.namespaces import Network, command

SERVICE = "198.51.100.25"
FRAMES = 65536
PARTS = ("testpmd", "latency", "rate", "kernel")
POLICY = """list listed "{folder}/listed.txt" format cidr
service mx 198.51.100.25/32 port 25
connection to mx
    drop list listed
"""


def arguments():
    parser = argparse.ArgumentParser(prog="wire_bench", description="Time whole programs on wires of veth.")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--passes", type=int, default=10, help="of each side (default %(default)s)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="scattered /32 (default %(default)s)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file, too")
    return parser.parse_args()


def dotted(number):
    return socket.inet_ntoa(struct.pack(">I", number))


def segment(source, flags, port):
    """One TCP segment to the service, as an Ethernet frame of 60 bytes."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, 1, 0x4000, 64, 6, 0, source, struct.unpack(">I", socket.inet_aton(SERVICE))[0])
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + ip[12:]
    tcp = struct.pack(">HHIIBBHHH", port, 25, 1000, 0, 0x50, flags, 64240, 0, 0)
    return bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + tcp + bytes(6)


def write_pcap(path, frames):
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


class Material:
    """The addresses, the frames and the snapshot that all sides share."""

    def __init__(self, given, folder):
        draw = random.Random(1)
        chosen = {}
        while len(chosen) < given.entries:
            number = draw.randrange(0x01000000, 0xDF000000)
            if number >> 24 != 127 and number >> 8 != 0xC63364:
                chosen[number] = None
        self.listed = list(chosen)
        fresh = []
        while len(fresh) < FRAMES // 2:
            number = draw.randrange(0x01000000, 0xDF000000)
            if number not in chosen and number >> 24 != 127:
                fresh.append(number)
        (folder / "listed.txt").write_text("\n".join(map(dotted, self.listed)) + "\n")
        (folder / "bench.policy").write_text(POLICY.format(folder=folder))
        self.snapshot = folder / "snapshot"
        command(given.build / "perf/dataplane/dataplane_bench", "--compile", folder / "bench.policy", self.snapshot, timeout=60)

        def port():
            return draw.randrange(1024, 65536)

        self.ping, self.passing, self.half = folder / "ping.pcap", folder / "passing.pcap", folder / "half.pcap"
        write_pcap(self.ping, [segment(fresh[0], 0x10, 40000)])
        write_pcap(self.passing, [segment(number, 0x02, port()) for number in fresh])
        half = fresh + draw.choices(self.listed, k=FRAMES // 2)
        draw.shuffle(half)
        write_pcap(self.half, [segment(number, 0x02, port()) for number in half])


class Testpmd:
    """dpdk-testpmd in io mode on the two ports."""

    def __init__(self, folder, popen):
        self.name = "testpmd io"
        log = folder / "testpmd.log"
        self.process = popen(["dpdk-testpmd", "--in-memory", "--no-pci", "--no-telemetry", "--file-prefix=postern-peer",
                              "--lcores=0@0,1@1", "-m", "256", "--vdev=net_af_xdp0,iface=postern-wan",
                              "--vdev=net_af_xdp1,iface=postern-mx", "--", "--forward-mode=io", "--auto-start",
                              "--total-num-mbufs=16384", "--rxd=1024", "--txd=1024", "-i"],  # rings as ours
                             stdin=subprocess.PIPE, stdout=log.open("wb"), stderr=subprocess.STDOUT)
        wait_for(self.name, 30, lambda: "testpmd>" in log.read_text(errors="replace") and self.process.poll() is None)

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.write(b"quit\n")
            self.process.stdin.flush()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            stop(self.process, 5)


class Postern(product.Program):
    def __init__(self, build, folder, snapshot, popen):
        self.api = product.Api(folder / "dataplane.sock")
        super().__init__("Postern", popen,
                         [build / "dataplane/dpdk/postern-dataplane", "--wan", "net_af_xdp0,iface=postern-wan", "--mx",
                          "net_af_xdp1,iface=postern-mx", "--snapshot", snapshot, "--api", self.api.path, "--cores", "1"],
                         folder / "dataplane.log")


class Wire:
    """Both programs on the same two ports, one after the other, and the probe at the outer ends."""

    def __init__(self, given, folder, network, material):
        self.given, self.folder, self.network, self.material = given, folder, network, material
        self.wan = f"{network.wan.name}:{network.SENDERS}"
        self.mx = f"{network.mx.name}:{network.FARM}"

    @contextlib.contextmanager
    def side(self, name):
        popen = self.network.box.popen
        if name == "Postern":
            running = Postern(self.given.build, self.folder, self.material.snapshot, popen)
        else:
            running = Testpmd(self.folder, popen)
        try:
            time.sleep(0.2)
            yield running
        finally:
            running.stop()

    def probe(self, *words):
        return probe(self.given, *words, "--send", self.wan)

    def received(self):
        text = self.network.mx.run("cat", f"/sys/class/net/{self.network.FARM}/statistics/rx_packets", check=False).stdout
        if not text:  # nsenter leaves this namespace's own sysfs
            links = json.loads(self.network.mx.run("ip", "-s", "-j", "link", "show", self.network.FARM).stdout)
            return links[0]["stats64"]["rx"]["packets"]
        return int(text)


def probe(given, *words):
    return json.loads(command(given.build / "tests/support/probe/wire_probe", *words, timeout=120).stdout)


def summary(name, figures):
    return {"name": name, "min": min(figures), "median": statistics.median(figures), "max": max(figures)}


def report(title, unit, sides, results):
    print(f"\n{title}, {unit}: min / median / max")
    for side in sides:
        print(f"  {side['name']:<52} {side['min']:9.3f} / {side['median']:9.3f} / {side['max']:9.3f}")
    sys.stdout.flush()
    results.append({"title": title, "unit": unit, "sides": sides})


def testpmd_cycles(given, folder, results):
    """testpmd itself on the frames of P7, by its own count: what the loop of dataplane_bench stands for."""
    frames = folder / "p7.pcap"
    command(given.build / "perf/dataplane/dataplane_bench", "--frames", frames)
    figures = []
    for _ in range(3):
        running = subprocess.Popen(
            ["dpdk-testpmd", "--in-memory", "--no-pci", "--no-telemetry", "--file-prefix=postern-peer", "--lcores=0@0,1@1",
             "-m", "128", f"--vdev=net_pcap0,rx_pcap={frames},infinite_rx=1", "--vdev=net_null0,no-rx=1", "--",
             "--forward-mode=io", "--record-core-cycles", "--auto-start", "--total-num-mbufs=16384", "-i"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            time.sleep(1.5)
            said = running.communicate("stop\nquit\n", timeout=15)[0]
        finally:
            running.kill()
        cycles = re.search(r"CPU cycles/packet=([0-9.]+)", said)
        require(cycles, "testpmd did not say how many cycles a packet took:\n" + said[-1000:])
        figures.append(float(cycles[1]))
    report("testpmd itself, io mode, on the frames of P7", "cycles a packet", [summary("by its own count", figures)], results)


def latency(given, wire, results):
    """P20. A pass starts a program anew, as both want the same ports."""
    found = {name: [] for name in ("testpmd io", "Postern")}
    for _ in range(given.passes):
        for name, figures in found.items():
            with wire.side(name):
                wire.probe("ping", "--receive", wire.mx, "--pcap", wire.material.ping, "--count", 200)
                figures.append(wire.probe("ping", "--receive", wire.mx, "--pcap", wire.material.ping, "--count", 5000))
                require(figures[-1]["lost"] == 0, f"{name} lost {figures[-1]['lost']} of 5,000 frames sent one by one")
    report("P20, one way through the wire, AF_XDP on veth", "microseconds",
           [summary(f"{name}, {label}", [figure[key] for figure in figures])
            for label, key in (("p50", "p50_us"), ("p99.9", "p99_9_us")) for name, figures in found.items()], results)
    report("P20, Postern's latency", "of testpmd's",
           [summary(label, [ours[key] / theirs[key] for ours, theirs in zip(found["Postern"], found["testpmd io"])])
            for label, key in (("p50", "p50_us"), ("p99.9", "p99_9_us"))], results)


class Search:
    """The highest rate without loss, by halving the interval between what passed and what did not, as in RFC 2544, section
    26.1; a rate fails only when most of three short trials lost something. That is the idea of MLRsearch (RFC 9971) that matters
    on a machine that others use, where one trial says little; its several goals and growing trials are not here."""

    TRIALS, SECONDS, STEPS = 3, 0.3, 7

    def __init__(self, wire):
        self.wire = wire

    def lossless(self, rate):
        good = 0
        for number in range(self.TRIALS):
            before = self.wire.received()
            sent = self.wire.probe("flood", "--pcap", self.wire.material.passing, "--rate", rate, "--seconds", self.SECONDS)
            time.sleep(0.02)
            good += self.wire.received() - before >= sent["sent"] and sent["refused"] == 0
            if good > self.TRIALS // 2 or number + 1 - good > self.TRIALS // 2:
                break
        return good > self.TRIALS // 2

    def run(self, low, high):
        for _ in range(self.STEPS):
            rate = (low * high) ** 0.5
            low, high = (rate, high) if self.lossless(rate) else (low, rate)
        return low


def loss_free_rate(given, wire, results):
    found = {name: [] for name in ("testpmd io", "Postern")}
    most = probe(given, "flood", "--pcap", wire.material.passing, "--seconds", 0.3, "--send", wire.wan)
    ceiling = most["sent"] / most["seconds"]
    for _ in range(3):
        for name, figures in found.items():
            with wire.side(name):
                figures.append(Search(wire).run(20_000, ceiling) / 1e3)
    report("Highest rate without loss, AF_XDP on veth", "thousand packets a second",
           [summary("the sender alone", [ceiling / 1e3])] + [summary(name, figures) for name, figures in found.items()], results)
    report("Highest rate without loss, Postern's", "of testpmd's",
           [summary("rate", [ours / theirs for ours, theirs in zip(found["Postern"], found["testpmd io"])])], results)


class KernelPeers:
    """nft and iptables at the inner end of the sender's cable. Every packet is dropped, by the set or right behind it, so
    that what differs from dropping at once is the set."""

    def __init__(self, given, network, material, folder):
        self.given, self.material, self.space = given, material, network.box
        self.wan = f"{network.wan.name}:{network.SENDERS}"
        self.folder = folder
        self.elements = ", ".join(map(dotted, material.listed))
        # What is for another machine never comes to iptables.
        self.space.run("ip", "link", "set", "postern-wan", "address", "02:00:00:00:00:02")

    def nft(self, text, name="rules.nft"):
        path = self.folder / name
        path.write_text(text)
        self.space.run("nft", "-f", path, timeout=120)

    def nft_table(self, flags):
        self.nft(f"add table netdev bench\nadd set netdev bench hosts {{ type ipv4_addr; {flags}elements = {{ {self.elements} }} }}\n")

    def nft_chain(self, rules):
        self.nft("add chain netdev bench in { type filter hook ingress device \"postern-wan\" priority 0; }\n"
                 "flush chain netdev bench in\n" + "".join(f"add rule netdev bench in {rule}\n" for rule in rules))

    def no_nft_chain(self):
        self.nft("delete chain netdev bench in\n")

    def ns_a_packet(self):
        sent = probe(self.given, "flood", "--pcap", self.material.half, "--seconds", 0.2, "--send", self.wan)
        return sent["run_ns"] / sent["sent"]

    def compare(self, title, set_up, sides, tear_down, results):
        set_up()
        figures = {name: [] for name, _, _ in sides}
        for number in range(self.given.passes + 1):
            for name, enter, leave in sides:
                enter()
                figure = self.ns_a_packet()
                leave()
                if number > 0:
                    figures[name].append(figure)
        bare, *others = figures
        report(title, "nanoseconds a packet, sending included",
               [summary(name, passes) for name, passes in figures.items()], results)
        report(title + ", over dropping at once", "nanoseconds a packet",
               [summary(name, [a - b for a, b in zip(figures[name], figures[bare])]) for name in others], results)
        tear_down()

    def add_element(self, results):
        """P11's peer: how long the whole command takes; and one that does nothing, for scale."""
        adding, nothing = [], []
        for number in range(20 * self.given.passes):
            address = dotted(0xE0000000 + number)
            for figures, words in ((adding, ["nft", "add", "element", "netdev", "bench", "hosts", "{", address, "}"]),
                                   (nothing, ["nft", "--version"])):
                words = self.space.prefix() + words
                begin = time.perf_counter()
                subprocess.run(words, check=True, capture_output=True)
                figures.append((time.perf_counter() - begin) * 1e6)
        report(f"P11, nft add element, {self.given.entries:,} in the set", "microseconds",
               [summary(f"{name}, {label}", [sorted(figures)[int(share * (len(figures) - 1))]])
                for name, figures in (("nft add element", adding), ("nft --version", nothing))
                for label, share in (("p50", 0.5), ("p99", 0.99))], results)

    def run(self, results):
        drop_all = ("drop at once, nft netdev ingress", lambda: self.nft_chain(["drop"]), self.no_nft_chain)
        by_set = ["ip saddr @hosts drop", "drop"]
        self.compare("nft netdev ingress, a set of hosts", lambda: self.nft_table(""),
                     [drop_all, ("nft, set of hosts", lambda: self.nft_chain(by_set), self.no_nft_chain)], lambda: None, results)
        self.add_element(results)
        self.nft("delete table netdev bench\n")
        self.compare("nft netdev ingress, an interval set", lambda: self.nft_table("flags interval; "),
                     [drop_all, ("nft, interval set", lambda: self.nft_chain(by_set), self.no_nft_chain)],
                     lambda: self.nft("delete table netdev bench\n"), results)

        restore = self.folder / "hosts.ipset"
        restore.write_text(f"create hosts hash:net hashsize 1048576 maxelem {len(self.material.listed)}\n" +
                           "".join(f"add hosts {dotted(number)}\n" for number in self.material.listed))

        def chain(*rules):
            def enter():
                self.space.run("iptables", "-t", "raw", "-F", "PREROUTING")
                for rule in rules:
                    self.space.run("iptables", "-t", "raw", "-A", "PREROUTING", *rule.split())
            return enter

        flush = chain()
        self.compare("iptables raw, ipset hash:net", lambda: self.space.run("ipset", "restore", "-file", restore, timeout=120),
                     [("drop at once, iptables raw", chain("-j DROP"), flush),
                      ("ipset hash:net", chain("-m set --match-set hosts src -j DROP", "-j DROP"), flush)],
                     lambda: self.space.run("ipset", "destroy", "hosts"), results)


def require(held, otherwise):
    if not held:
        raise RuntimeError(otherwise)


def main():
    given = arguments()
    results = []
    with tempfile.TemporaryDirectory(prefix="postern-wire-") as name, Network() as network, product.Hugepages():
        folder = pathlib.Path(name)
        material = Material(given, folder)
        wire = Wire(given, folder, network, material)
        if "testpmd" in given.only:
            testpmd_cycles(given, folder, results)
        if "latency" in given.only:
            latency(given, wire, results)
        if "rate" in given.only:
            loss_free_rate(given, wire, results)
        if "kernel" in given.only:
            KernelPeers(given, network, material, folder).run(results)
    if given.json:
        kernel = command("uname", "-r").stdout.strip()
        given.json.write_text(json.dumps({"kernel": kernel, "passes": given.passes, "comparisons": results}) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"wire_bench: {error}", file=sys.stderr)
        sys.exit(1)
