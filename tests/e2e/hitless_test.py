# SPDX-License-Identifier: BSD-3-Clause
"""Each engine between two veth pairs, under a stream of numbered frames: a thousand swaps of its
rules, and floods of what is malformed in every way and of attempts from random addresses. What is
lost would be missing, what is judged by a mixture of rules would be counted under another reason.

POSTERN_FLOOD_SECONDS (20) says how long each flood lasts: 600 for the long run."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import struct
import subprocess
import time

import pytest

from tests.e2e.lab import product
from tests.e2e.lab.farm import PATIENCE, wait_for
from tests.e2e.lab.namespaces import command
from tests.e2e.lab.ports import DpdkPort
from tests.e2e.lab.wire import BUILD

PROBE = BUILD / "tests/support/probe/wire_probe"
FLOOD_SECONDS = float(os.environ.get("POSTERN_FLOOD_SECONDS", "20"))
SWAPS = 1000
WINDOWS = 5  # in which good flows are looked at during a flood: what others do to the machine in one is not the engine's
SERVICE = "198.51.100.25"
SOURCES = {"203.0.113.1": "rule-drop", "203.0.114.1": "rule-inspect", "203.0.116.1": "rule-allow"}

# The same verdicts for the sources, by classes of other numbers: tests/rules/support/agreeing_rules.h
# holds that a mixture of the two would say something else.
LISTS = """\
list dropped "dropped" format cidr
list inspected "inspected" format cidr
list allowed "allowed" format cidr
"""
RULES = """\
service mx 198.51.100.25/32
connection to mx
    drop list dropped
    inspect list inspected
    allow list allowed
"""
OTHERS = 'list other "other" format cidr\nlist another "another" format cidr\n'
OTHER_RULES = "    inspect list other\n    drop list another\n"
# Every reply that an engine knows, for anybody.
ANSWERS = """\
list dropped "dropped" format cidr
service mx 198.51.100.25/32
connection to mx
    drop list dropped
    limit any 1/minute burst 1 else reset
    refuse any
"""
LIMITED = """\
service mx 198.51.100.25/32
connection to mx
    limit any 1/minute burst 1 else drop
"""


def attempt(source, port=40000, destination=SERVICE):
    """A SYN to the service, as an Ethernet frame of 54 bytes."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 1, 0x4000, 64, 6, 0, socket.inet_aton(source), socket.inet_aton(destination))
    tcp = struct.pack(">HHIIBBHHH", port, 25, 1000, 0, 0x50, 2, 64240, 0, 0)
    pseudo = ip[12:] + struct.pack(">HH", 6, len(tcp))
    return (bytes.fromhex("0200000000020200000000010800") + ip[:10] + checksum(ip) + ip[12:]
            + tcp[:16] + checksum(pseudo + tcp) + tcp[18:])


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


def write_pcap(path, frames):
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postern-hitless")
    for name, text in {"dropped": "203.0.113.0/24\n", "inspected": "203.0.114.0/24\n", "allowed": "203.0.116.0/24\n",
                       "other": "10.0.0.0/8\n", "another": "11.0.0.0/8\n"}.items():
        (folder / name).write_text(text)
    for name, policy in {"first": LISTS + RULES, "second": OTHERS + LISTS + RULES + OTHER_RULES, "answers": ANSWERS,
                         "limited": LIMITED}.items():
        (folder / f"{name}.policy").write_text(policy)
        command(BUILD / "control/cli/postern", "compile", "--policy", folder / f"{name}.policy", "-o", folder / name)
    write_pcap(folder / "sources.pcap", [attempt(source) for source in SOURCES])
    write_pcap(folder / "good.pcap", [attempt("192.0.2.1", port, "192.0.2.99") for port in range(1024, 1088)])
    draw = random.Random(3)
    write_pcap(folder / "random.pcap", [attempt(socket.inet_ntoa(struct.pack(">I", draw.randrange(0x01000000, 0x7F000000))),
                                                draw.randrange(1024, 65536)) for _ in range(200_000)])
    command(BUILD / "tests/packets/corpus_capture", folder / "malformed.pcap", 100_000)
    return folder


@contextlib.contextmanager
def running(kind, network, files, snapshot, more=()):
    engine = product.Engine(BUILD, kind, files, files / snapshot, network.box.popen, more=more)
    try:
        time.sleep(0.3)
        yield engine
        assert engine.alive(), product.tail(engine.log)
    finally:
        engine.stop()


class Probe:
    """wire_probe from the senders' end of the wire."""

    def __init__(self, network, files):
        self.files = files
        self.ends = ["--send", f"{network.wan.name}:{network.SENDERS}", "--receive", f"{network.mx.name}:{network.FARM}"]

    def start(self, what, pcap, *words):
        return subprocess.Popen([PROBE, what, "--pcap", str(self.files / f"{pcap}.pcap"), *self.ends, *map(str, words)],
                                stdout=subprocess.PIPE, text=True)

    @staticmethod
    def result(process):
        said = process.communicate(timeout=FLOOD_SECONDS + 120)[0]
        assert process.returncode == 0
        return json.loads(said)

    def run(self, what, pcap, *words):
        return self.result(self.start(what, pcap, *words))

    def loss_free_rate(self, pcap, share_passing):
        """The highest rate, by steps of a third from what is surely too much, that loses nothing for half a second, twice."""
        rate = 800_000
        while rate > 5_000:
            trials = [self.run("stream", pcap, "--rate", rate, "--seconds", 0.5) for _ in range(2)]
            if all(one["received"] >= one["sent"] * share_passing - 1 and one["refused"] == 0 and one["unread"] == 0
                   and one["seconds"] < 1.2 and one["sent"] > rate * 0.45 for one in trials):
                return rate
            rate = rate * 2 // 3
        raise AssertionError("no rate is without loss on this machine")


@pytest.fixture
def probe(network, files):
    return Probe(network, files)


def total(counters, port="wan"):
    return sum(counters["ports"][port]["reasons"].values())


def ports_received(kind, network):
    """What the engine's ports have received, by the kernel's count or by DPDK's driver's."""
    if kind == "dpdk":
        return {port: DpdkPort(name).received() for port, name in (("wan", "net_af_xdp0"), ("mx", "net_af_xdp1"))}
    links = {port: json.loads(network.box.run("ip", "-s", "-j", "link", "show", f"postern-{port}").stdout)[0]
             for port in ("wan", "mx")}
    return {port: link["stats64"]["rx"]["packets"] for port, link in links.items()}


def test_a_thousand_swaps_lose_nothing(kind, network, files, probe):
    """And entries that come and go. At two thirds of the highest rate that lost nothing just before, and once or twice
    again at half of that: what the machine itself loses in a bad moment is not the engine's. What a port has received is
    counted, each time, and no verdict is strange at any time.
    The stream begins before the first swap and ends after the last."""
    with running(kind, network, files, "first") as engine:
        share = 2 / 3  # of three sources, two pass
        rate = probe.loss_free_rate("sources", share) * 2 // 3

        def swap(count):
            """Other rules, each time, and an entry that comes and goes for somebody who sends nothing."""
            for number in range(count):
                entry = {"prefix": f"192.0.2.{number % 200}/32"}
                engine.api.call("PUT", "/v1/snapshot", {"path": str(files / ("first" if number % 2 else "second"))})
                engine.api.call("POST", "/v1/entries", {**entry, "action": "drop", "seconds": 60})
                engine.api.call("DELETE", "/v1/entries", entry)

        for _ in range(3):
            before, received, all_counted = engine.api.reasons(), ports_received(kind, network), engine.api.counters()
            stream = probe.start("stream", "sources", "--rate", rate, "--seconds", 3600)
            try:
                wait_for("the stream", PATIENCE, lambda: engine.api.reasons()["rule-drop"] > before["rule-drop"])
                begin = time.monotonic()
                swap(SWAPS)
                seconds = time.monotonic() - begin
            finally:
                stream.send_signal(signal.SIGINT)
                result = probe.result(stream)
            since = counted_since(kind, network, engine, received, all_counted)
            assert all(one == other for one, other in since.values()), f"the engine itself lost some: {since}"
            after = engine.api.reasons()
            print(f"{kind}: {SWAPS} swaps in {seconds:.1f} s under {rate} frames/s: {result}")
            counted = {reason: after[reason] - before[reason] for reason in after if after[reason] != before[reason]}
            strange = set(counted) - set(SOURCES.values()) - {"not-ip", "not-tcp", "not-service", "not-attempt", "egress-full"}
            assert not strange, f"judged by a mixture: {counted}"
            assert result["late"] == 0, result
            each = [len(range(number, result["sent"], 3)) for number in range(3)]
            if [counted[reason] for reason in SOURCES.values()] == each and result["received"] == each[1] + each[2]:
                break
            rate //= 2
        assert [counted[reason] for reason in SOURCES.values()] == each, (counted, result)
        assert result["refused"] == 0 and result["unread"] == 0, result
        assert result["received"] == each[1] + each[2], (counted, result)


def engine_memory(engine):
    """Resident octets, and what its BPF maps hold in the kernel. Hugepages are reserved once, and are not among them:
    of those, buffers_in_use() tells."""
    process = pathlib.Path(f"/proc/{engine.process.pid}")
    maps = 0
    for entry in (process / "fdinfo").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            facts = dict(line.split(":", 1) for line in entry.read_text().splitlines() if ":" in line)
            maps += int(facts.get("memlock", 0)) if "map_type" in facts else 0
    return int((process / "statm").read_text().split()[1]) * 4096 + maps


def settled_buffers(kind, probe):
    """DPDK's buffers in use after some that a port sends, as it takes back then what it sent before."""
    probe.run("stream", "good", "--rate", 5000, "--seconds", 1)
    time.sleep(0.5)
    return DpdkPort.buffers_in_use() if kind == "dpdk" else 0


def replies_seen(network):
    """What has come back to the senders, by the kernel's count at their end."""
    [link] = json.loads(network.wan.run("ip", "-s", "-j", "link", "show", network.SENDERS).stdout)
    return link["stats64"]["rx"]["packets"]


def counted_since(kind, network, engine, received, counted):
    """What each port has received and what the engine has counted there since: the same, once nothing is on its way."""
    end = time.monotonic() + 10
    while True:
        now_received, now_counted = ports_received(kind, network), engine.api.counters()
        since = {port: (now_received[port] - received[port], total(now_counted, port) - total(counted, port))
                 for port in ("wan", "mx")}
        if all(one == other for one, other in since.values()) or time.monotonic() > end:
            return since
        time.sleep(0.2)


def flooded(kind, network, engine, probe):
    """A flood and good flows, which together are what the lab has just carried without loss: beyond that a port's ring
    loses whatever comes, before an engine sees it. -> whether good flows kept their throughput within a tenth."""
    most = probe.loss_free_rate("good", 1)
    rate = min(most // 10, 10_000)
    quiet = probe.run("stream", "good", "--rate", rate, "--seconds", 3)
    received, counted = ports_received(kind, network), engine.api.counters()
    flood = probe.start("flood", "malformed", "--rate", most * 8 // 10, "--seconds", FLOOD_SECONDS, "--core", 0)
    during = [probe.run("stream", "good", "--rate", rate, "--seconds", max(FLOOD_SECONDS / WINDOWS - 1, 0.5))
              for _ in range(WINDOWS)]
    flood = probe.result(flood)
    since = counted_since(kind, network, engine, received, counted)
    print(f"{kind}: {flood['sent'] / flood['seconds']:.0f} malformed frames/s; good: {quiet['received']} of "
          f"{quiet['sent']} before, {[(one['received'], one['sent']) for one in during]} during; counted: {since}")
    assert all(one == other for one, other in since.values()), since
    return (quiet["received"] == quiet["sent"] and since["wan"][0] > FLOOD_SECONDS * most * 0.4
            and statistics.median(one["received"] / one["sent"] for one in during) >= 0.9)


@pytest.mark.parametrize("rules", ["answers"])
def test_a_flood_of_all_that_is_malformed(kind, network, files, probe, rules):
    """Good flows keep their throughput within a tenth, the ledger is exact, nothing grows. In one of three floods, as
    others may take from this machine meanwhile what it had when its rate was measured."""
    with running(kind, network, files, rules) as engine:
        probe.run("flood", "malformed", "--seconds", 1, "--core", 0)
        buffers, memory = settled_buffers(kind, probe), engine_memory(engine)
        kept = any(flooded(kind, network, engine, probe) for _ in range(3))
        now = settled_buffers(kind, probe)
        print(f"{kind}: buffers {buffers} -> {now}, memory {memory} -> {engine_memory(engine)}")
        assert engine_memory(engine) - memory < 8 << 20
        assert abs(now - buffers) <= 64, (buffers, now)
        assert kept


@pytest.mark.parametrize("rules", ["answers", "limited"])
def test_attempts_from_random_addresses_take_no_memory(kind, network, files, probe, rules):
    """200,000 sources in a table of limits that has room for some thousand; refusals keep nothing at all, and there are
    no more than --answers allows. What was answered is what came back."""
    most = 2000
    with running(kind, network, files, rules, more=["--limit-sources", "4096", "--answers", str(most)]) as engine:
        probe.run("flood", "random", "--seconds", 1, "--core", 0)
        memory, buffers = engine_memory(engine), settled_buffers(kind, probe)
        received, counted = ports_received(kind, network), engine.api.counters()
        replies, begin = replies_seen(network), time.monotonic()
        result = probe.run("flood", "random", "--seconds", FLOOD_SECONDS / 2, "--core", 0)
        since = counted_since(kind, network, engine, received, counted)
        seconds, replies = time.monotonic() - begin, replies_seen(network) - replies
        counters = engine.api.counters()
        before, after = (one["ports"]["wan"]["reasons"] for one in (counted, counters))
        reasons = {reason: count - before[reason] for reason, count in after.items() if count != before[reason]}
        print(f"{kind}, {rules}: {result['sent'] / result['seconds']:.0f} attempts/s: {reasons}, {counters['events']}, "
              f"{replies} replies in {seconds:.1f} s; counted: {since}; buffers {buffers} -> {settled_buffers(kind, probe)}")
        assert all(one == other for one, other in since.values()), since
        assert engine_memory(engine) - memory < 4 << 20
        assert abs(settled_buffers(kind, probe) - buffers) <= 64
        assert counters["events"]["limit-full"] > 0
        answered = sum(reasons.get(reason, 0) for reason in ("rule-refuse", "rule-reset", "limit-reset"))
        # The kernels at both ends may have looked for a neighbour meanwhile.
        assert answered <= replies <= answered + 10 and answered <= most * (seconds + 1) * 1.1
        assert (answered > 0 and reasons["answer-limit"] > 0) == (rules == "answers")
