# SPDX-License-Identifier: BSD-3-Clause
"""Engines on a wire between two veth pairs, for tests of single frames: the frames, what sends and
receives them, and programs that refuse to start. Its fixtures are in tests/e2e/conftest.py.

A marker at the end of each frame tells it from what the kernel says by itself."""

import contextlib
import os
import pathlib
import re
import signal
import time

from scapy.contrib.lacp import LACP
from scapy.contrib.lldp import LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUPortID, LLDPDUTimeToLive
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Dot3, Ether, GRE, LLC, STP
from scapy.packet import Raw

from tests.e2e.lab import product
from tests.e2e.lab.frames import FrameEnd

BUILD = pathlib.Path(os.environ["POSTERN_BUILD"])
DPDK = BUILD / "dataplane/dpdk/postern-dataplane"
POLICY = """\
list pool "pool.cidr" format cidr category dynamic
service mx 198.51.100.25/32 port 25
service acme 10.0.0.25 vlan 100
service branch 10.0.0.25 vlan 100.7
service initech 10.0.0.25 vlan 200
service plain 10.0.0.26 vlan none
connection to mx, acme, plain
    drop list pool
"""
LISTED, UNLISTED, SERVICE = "203.0.113.1", "192.0.2.10", "198.51.100.25"
MARK = b"postern\0"


@contextlib.contextmanager
def both_ends(network):
    wan, mx = FrameEnd(network.wan, network.SENDERS), FrameEnd(network.mx, network.FARM)
    try:
        yield wan, mx
    finally:
        wan.close()
        mx.close()


@contextlib.contextmanager
def running(kind, network, files, more=(), snapshot="snapshot", **ports):
    engine = product.Engine(BUILD, kind, files, snapshot and files / snapshot, network.box.popen, more=more, **ports)
    try:
        yield engine
        assert engine.alive() or engine.process.returncode == -signal.SIGKILL, product.tail(engine.log)
    finally:
        engine.stop()


def padded(frame, size=60):
    frame = bytes(frame)
    return frame + bytes(max(0, size - len(MARK) - len(frame))) + MARK


def frames():
    """By name; every one of these is none of the engine's business."""
    one, other = "02:00:00:00:00:01", "02:00:00:00:00:02"
    ether = Ether(src=one, dst=other)
    tcp = IP(src=LISTED, dst=UNLISTED) / TCP(sport=179, dport=40000, flags="A", seq=1, ack=1)
    return {
        "arp": padded(Ether(src=one, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=UNLISTED, pdst=SERVICE)),
        "gratuitous arp": padded(Ether(src=one, dst="ff:ff:ff:ff:ff:ff") / ARP(op=2, psrc=UNLISTED, pdst=UNLISTED)),
        "neighbour solicitation": padded(
            Ether(src=one, dst="33:33:ff:00:00:25") / IPv6(src="2001:db8::1", dst="ff02::1:ff00:25", hlim=255)
            / ICMPv6ND_NS(tgt="2001:db8::25") / ICMPv6NDOptSrcLLAddr(lladdr=one)),
        "icmp": padded(ether / IP(src=LISTED, dst=SERVICE) / ICMP() / Raw(b"x" * 40)),
        "icmpv6": padded(ether / IPv6(src="2001:db8::1", dst="2001:db8::25") / ICMPv6EchoRequest()),
        "bgp attempt": padded(ether / IP(src=LISTED, dst=SERVICE) / TCP(dport=179, flags="S")),
        "bgp": padded(ether / tcp / Raw(b"\xff" * 16 + b"\x00\x13\x04")),
        "lacp": padded(Ether(src=one, dst="01:80:c2:00:00:02", type=0x8809) / Raw(b"\x01") / LACP(), 124),
        "spanning tree": padded(Dot3(src=one, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP()),
        "lldp": padded(Ether(src=one, dst="01:80:c2:00:00:0e", type=0x88cc)
                       / LLDPDUChassisID(subtype=4, id=b"\x02\0\0\0\0\1") / LLDPDUPortID(subtype=5, id=b"1")
                       / LLDPDUTimeToLive(ttl=120) / LLDPDUEndOfLLDPDU()),
        "802.1x": padded(Ether(src=one, dst="01:80:c2:00:00:03", type=0x888e) / Raw(bytes(46))),
        "to nobody's MAC address": padded(Ether(src=one, dst="02:aa:aa:aa:aa:aa") / IP(src=LISTED, dst=SERVICE) / UDP()),
        "multicast": padded(Ether(src=one, dst="01:00:5e:00:00:05") / IP(src=LISTED, dst="224.0.0.5", proto=89)),
        "vlan": padded(ether / Dot1Q(vlan=100, prio=5) / IP(src=LISTED, dst=SERVICE) / UDP(dport=25)),
        "qinq": padded(ether / Dot1AD(vlan=7) / Dot1Q(vlan=100) / IP(src=LISTED, dst=SERVICE) / UDP(dport=25)),
        "mpls": padded(Ether(src=one, dst=other, type=0x8847) / Raw(b"\0\x01\x01\xff") / tcp),
        "pppoe": padded(Ether(src=one, dst=other, type=0x8863) / Raw(bytes(40))),
        "gre": padded(ether / IP(src=LISTED, dst=SERVICE) / GRE() / tcp),
        "as large as the MTU": padded(ether / IP(src=LISTED, dst=SERVICE) / UDP(dport=25) / Raw(bytes(1472 - len(MARK)))),
    }


PATIENCE = 30  # seconds, for a frame that has to come


def ours(frame):
    return frame.endswith(MARK)


def passes_both_ways(ends, sent):
    for here, there in (ends, ends[::-1]):
        for frame in sent:
            here.send(frame)
        came = there.collect(len(sent), PATIENCE, ours)
        assert [f.hex() for f in came] == [f.hex() for f in sent]


def stops(ends, *frames_stopped):
    """That an engine lets none of them through: behind them goes one that passes, and it comes first."""
    for frame in (*frames_stopped, datagram()):
        ends[0].send(frame)
    assert ends[1].collect(1, PATIENCE, ours) == [datagram()]


def counted(engine, reason, number):
    """How many the engine has counted under a reason, once they are so many: it counts what it has acted on."""
    end = time.monotonic() + PATIENCE
    while (found := engine.api.reasons()[reason]) < number and time.monotonic() < end:
        time.sleep(0.02)
    return found


class Refusals:
    """What a start that cannot be ends with: one line that names the thing and the way out."""

    def __init__(self, network, program, *words):
        self.network, self.program, self.words = network, program, words

    def line(self, pattern, *words, status=1, wrapper=()):
        done = self.network.box.run(*wrapper, self.program, *self.words, *words, check=False, timeout=60)
        said = done.stderr.strip().splitlines()
        own = [line for line in said if line.startswith(self.program.name + ": ")]
        assert done.returncode == status, done.stderr
        assert len(own) == 1 and said[-1] == own[0], done.stderr
        assert re.search(pattern, own[0]), own[0]


def packet_ports(size):
    """A port's name for DPDK's packet socket driver, for frames of that size."""
    return {end: f"net_af_packet{number},iface=postern-{end},framesz={size},blocksz={size * 4},framecnt=256"
            for number, end in enumerate(("wan", "mx"))}


def kill(engine):
    """As a crash would end it: nothing is tidied up."""
    engine.process.kill()
    engine.process.wait()


def attempt(source=LISTED):
    """The mark is in the IP packet, as a bridge that looks into those cuts off what is behind."""
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst=SERVICE)
                 / TCP(dport=25, flags="S") / Raw(MARK))


def datagram():
    return bytes(Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / IP(src=LISTED, dst=SERVICE) / UDP(dport=25)
                 / Raw(bytes(20) + MARK))
