# SPDX-License-Identifier: BSD-3-Clause
"""The wire, by each engine: frames of every kind and size pass as they are and in their order, what
would change them is turned off, and a start that cannot be is refused in one line."""

import struct

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from tests.e2e.lab.ports import DpdkPort
from tests.e2e.lab.wire import (BUILD, DPDK, LISTED, MARK, PATIENCE, SERVICE, UNLISTED, Refusals, counted, datagram, frames,
                                ours, packet_ports, padded, passes_both_ways, running, stops)


def test_what_is_not_smtp_passes_as_it_is(kind, network, files, ends):
    with running(kind, network, files) as engine:
        passes_both_ways(ends, list(frames().values()))
        # A service named by a tag is a service: the tag was seen, and an attempt in it is judged.
        tagged = padded(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=100)
                        / IP(src=LISTED, dst=SERVICE) / TCP(dport=25, flags="S"))
        stops(ends, tagged)
        assert counted(engine, "rule-drop", 1) == 1


def test_customers_with_the_same_address_are_told_apart_by_their_vlan(kind, network, files, ends):
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")

    def attempt(*tags, to="10.0.0.25"):
        frame = ether
        for tag in tags:
            frame = frame / tag
        return padded(frame / IP(src=LISTED, dst=to) / TCP(dport=25, flags="S"))

    priority = Dot1Q(vlan=0, prio=5)
    passing = [attempt(), attempt(Dot1Q(vlan=200)), attempt(Dot1AD(vlan=100), Dot1Q(vlan=7)), attempt(Dot1Q(vlan=300)),
               attempt(Dot1Q(vlan=100), to="10.0.0.26")]
    stopped = [attempt(Dot1Q(vlan=100)), attempt(Dot1AD(vlan=100), Dot1Q(vlan=8)), attempt(Dot1Q(vlan=100, prio=5)),
               attempt(priority, Dot1Q(vlan=100)), attempt(to="10.0.0.26"), attempt(priority, to="10.0.0.26")]
    with running(kind, network, files) as engine:
        for frame in stopped + passing:
            ends[0].send(frame)
        assert ends[1].collect(len(passing), PATIENCE, ours) == passing
        for reason, number in {"rule-drop": len(stopped), "no-rule": 2, "not-service": 3}.items():
            assert counted(engine, reason, number) == number, reason


def test_the_order_within_a_flow_is_kept(kind, network, files, ends):
    count = 20000
    head = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
                 / IP(src=UNLISTED, dst=SERVICE, len=20 + 8 + 16 + len(MARK)) / UDP(sport=1, dport=2, chksum=0))
    head = head[:42]
    with running(kind, network, files):
        for here, there in (ends, ends[::-1]):
            came = []
            for number in range(count):
                here.send(head + struct.pack("!QQ", number, 0) + MARK)
                if number % 64 == 63:  # no more at a time than any ring on the way holds
                    came += there.collect(64, 5, ours)
            came += there.collect(count - len(came), PATIENCE, ours)
            numbers = [struct.unpack_from("!Q", frame, 42)[0] for frame in came]
            assert numbers == list(range(count)), "out of order, twice, or lost"


def features(network, device):
    shown = network.box.run("ethtool", "-k", device).stdout.splitlines()[1:]
    return {name.strip(): value.split()[0] for name, value in (line.split(":", 1) for line in shown)}


def test_what_would_change_frames_is_off_while_an_engine_runs(kind, network, files):
    mine = {"rx-vlan-offload", "rx-vlan-stag-hw-parse", "large-receive-offload", "rx-gro-hw"}
    if kind == "dpdk":
        mine.add("generic-receive-offload")
        network.box.run("ethtool", "-K", "postern-wan", "gro", "on")
    before = features(network, "postern-wan")
    assert before["rx-vlan-offload"] == "on"
    with running(kind, network, files):
        for device in ("postern-wan", "postern-mx"):
            now = features(network, device)
            assert {name: now[name] for name in mine} == dict.fromkeys(mine, "off")
    after = features(network, "postern-wan")
    assert {name: after[name] for name in mine} == {name: before[name] for name in mine}
    network.box.run("ethtool", "-K", "postern-wan", "gro", "off")


def test_a_dpdk_engine_that_cannot_start_says_why(dpdk, network, files):
    wan, mx = "net_af_xdp0,iface=postern-wan", "net_af_xdp1,iface=postern-mx"
    refuse = Refusals(network, DPDK, "--api", files / "refused.sock").line
    ports = ("--wan", wan, "--mx", mx)
    refuse("--mx is missing: a wire needs two ports", "--wan", wan, status=2)
    refuse("the same device", "--wan", wan, "--mx", wan)
    refuse("there is no interface 'nonesuch'", "--wan", "net_af_xdp0,iface=nonesuch", "--mx", mx)
    refuse("neither a PCI address .* nor a vdev", "--wan", "eth7", "--mx", mx)
    refuse(r"offers \d+ queue.*fewer --cores", *ports, "--cores", "0,1")
    refuse("not enough hugepages: .* `sysctl -w vm.nr_hugepages=", *ports, "--memory", "1048576")
    refuse("core 4000 is not there", *ports, "--cores", "4000")
    refuse("run as root", *ports, wrapper=("setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all"))
    refuse("missing.snapshot: No such file.*; make it anew by `postern compile", *ports, "--snapshot", files / "missing.snapshot")
    damaged = bytearray((files / "snapshot").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (files / "damaged.snapshot").write_bytes(damaged)
    refuse("damaged.snapshot: .*checksum.*; make it anew by `postern compile", *ports, "--snapshot", files / "damaged.snapshot")

    network.box.run("ip", "link", "set", "dev", "postern-mx", "xdp", "obj", BUILD / "xdp/bpf/pass.bpf.o", "sec", "xdp")
    refuse("'postern-mx' has an XDP program already, pass; take it down", *ports)
    network.box.run("ip", "link", "set", "dev", "postern-mx", "xdp", "off")
    with running("dpdk", network, files) as engine:
        refuse("another postern-dataplane, drives 'postern-wan' already", *ports)
        assert engine.alive()


def test_dpdk_telemetry_says_what_the_api_says(dpdk, network, files, ends):
    with running("dpdk", network, files) as engine:
        passes_both_ways(ends, list(frames().values()))
        for _ in range(20):  # until nothing came in between
            ports, told = engine.api.counters()["ports"], DpdkPort.ask("/postern/counters")
            if ports == engine.api.counters()["ports"]:
                break
        for port in ("wan", "mx"):
            reasons = {name.replace("-", "_"): count for name, count in ports[port]["reasons"].items()}
            assert sum(reasons.values()) >= len(frames())
            assert told[port] == {**reasons, "bytes": ports[port]["bytes"]}
        assert set(DpdkPort.ask("/postern/profile").values()) == {0}  # without --profile
        pools = DpdkPort.ask("/postern/buffers").values()
        assert pools and all(0 < pool["in_use"] < pool["size"] for pool in pools)
    with running("dpdk", network, files, more=["--profile"]):
        passes_both_ways(ends, list(frames().values()))
        profile = DpdkPort.ask("/postern/profile")
        assert profile["packets"] >= profile["bursts"] > 0 and profile["parse"] > 0


@pytest.fixture
def jumbo(network):
    """Both cables with an MTU of 9,000, end to end."""
    def resize(mtu, section):
        for space, device in ((network.wan, network.SENDERS), (network.mx, network.FARM)):
            space.run("ip", "link", "set", "dev", device, "xdp", "off")
            space.run("ip", "link", "set", "dev", device, "mtu", mtu)
        for device in ("postern-wan", "postern-mx"):
            network.box.run("ip", "link", "set", "dev", device, "mtu", mtu)
        network.take_redirected(BUILD / "xdp/bpf/pass.bpf.o", section)

    resize(9000, "xdp.frags")
    yield
    resize(1500, "xdp")


def test_jumbo_frames(kind, network, files, ends, jumbo):
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ports = packet_ports(12288) if kind == "dpdk" else {}
    with running(kind, network, files, **ports) as engine:
        passed = [padded(ether / IP(src=LISTED, dst=SERVICE) / UDP(dport=25) / Raw(bytes(size - 28 - len(MARK))))
                  for size in (1500, 3000, 4096, 9000)]
        passed += [padded(ether / Dot1Q(vlan=9) / IP(src=UNLISTED, dst=SERVICE) / TCP(dport=25, flags="A")
                          / Raw(bytes(9000 - 40 - len(MARK))))]
        before = engine.api.counters()["ports"]["wan"]
        passes_both_ways(ends, passed)
        attempt = padded(ether / IP(src=LISTED, dst=SERVICE) / TCP(dport=25, flags="S") / Raw(bytes(8000)))
        stops(ends, attempt)
        assert counted(engine, "rule-drop", before["reasons"]["rule-drop"] + 1) == before["reasons"]["rule-drop"] + 1
        after = engine.api.counters()["ports"]["wan"]
        assert after["bytes"] - before["bytes"] == len(attempt) + sum(map(len, passed)) + len(datagram())


def test_dpdk_says_where_jumbo_frames_do_not_fit(dpdk, network, files, jumbo):
    refuse = Refusals(network, DPDK, "--api", files / "refused.sock").line
    refuse("MTU of postern-wan is 9000, .* net_af_xdp takes at most", "--wan", "net_af_xdp0,iface=postern-wan",
           "--mx", "net_af_xdp1,iface=postern-mx")
    small = packet_ports(2048)
    refuse("MTU of postern-wan is 9000, .* say framesz=12288", "--wan", small["wan"], "--mx", small["mx"])
