# SPDX-License-Identifier: BSD-3-Clause
"""The wire between two veth pairs, by each engine: frames of every kind pass as they are and in their
order, what would change them is turned off, and a start that cannot be is refused in one line.

A marker of 8 bytes at the end of each frame tells it from what the kernel says by itself."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from scapy.contrib.lacp import LACP
from scapy.contrib.lldp import LLDPDUChassisID, LLDPDUEndOfLLDPDU, LLDPDUPortID, LLDPDUTimeToLive
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Dot3, Ether, GRE, LLC, STP
from scapy.packet import Raw

from tests.e2e.lab import product
from tests.e2e.lab.frames import FrameEnd, entered
from tests.e2e.lab.namespaces import Network, command

BUILD = pathlib.Path(os.environ["POSTERN_BUILD"])
DPDK = BUILD / "dataplane/dpdk/postern-dataplane"
POLICY = """\
list pool "pool.cidr" format cidr category dynamic
service mx 198.51.100.25/32 port 25
connection to mx
    drop list pool
"""
LISTED, UNLISTED, SERVICE = "203.0.113.1", "192.0.2.10", "198.51.100.25"
MARK = b"postern\0"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postern-wire")
    (folder / "pool.cidr").write_text("203.0.113.0/24\n")
    (folder / "policy").write_text(POLICY)
    subprocess.run([BUILD / "control/cli/postern", "compile", "--policy", folder / "policy", "-o", folder / "snapshot"], check=True,
                   capture_output=True)
    return folder


@pytest.fixture(scope="module")
def network():
    with Network() as made:
        for space in (made.wan, made.mx):  # or the kernel answers what is meant for others
            space.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=8", "net.ipv6.conf.all.disable_ipv6=1")
        made.take_redirected(BUILD / "xdp/bpf/pass.bpf.o")
        yield made


@pytest.fixture(scope="module")
def hugepages():
    with product.Hugepages() as reserved:
        yield reserved


@pytest.fixture(params=["xdp", "dpdk"])
def kind(request):
    if request.param == "dpdk":
        if not DPDK.exists():
            pytest.skip("this build has no DPDK engine")
        request.getfixturevalue("hugepages")
    return request.param


@contextlib.contextmanager
def both_ends(network):
    wan, mx = FrameEnd(network.wan, network.SENDERS), FrameEnd(network.mx, network.FARM)
    try:
        yield wan, mx
    finally:
        wan.close()
        mx.close()


@pytest.fixture
def ends(network):
    with both_ends(network) as made:
        yield made


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


def ours(frame):
    return frame.endswith(MARK)


def passes_both_ways(ends, sent):
    for here, there in (ends, ends[::-1]):
        for frame in sent:
            here.send(frame)
        came = there.collect(len(sent), 10, ours)
        assert [f.hex() for f in came] == [f.hex() for f in sent]


def test_what_is_not_smtp_passes_as_it_is(kind, network, files, ends):
    with running(kind, network, files) as engine:
        passes_both_ways(ends, list(frames().values()))
        # A service named by a tag is a service: the tag was seen, and an attempt in it is judged.
        tagged = padded(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=100)
                        / IP(src=LISTED, dst=SERVICE) / TCP(dport=25, flags="S"))
        ends[0].send(tagged)
        assert ends[1].collect(1, 1, ours) == []
        assert engine.api.reasons()["rule-drop"] == 1


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
                if number % 64 == 63:
                    came += there.collect(64, 0.002, ours)
            came += there.collect(count, 2, ours)
            numbers = [struct.unpack_from("!Q", frame, 42)[0] for frame in came]
            assert numbers == sorted(set(numbers)), "out of order, or twice"
            assert len(numbers) > count / 2


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


def test_a_dpdk_engine_that_cannot_start_says_why(network, files, request):
    if not DPDK.exists():
        pytest.skip("this build has no DPDK engine")
    request.getfixturevalue("hugepages")
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
    refuse("missing.snapshot", *ports, "--snapshot", files / "missing.snapshot")
    damaged = bytearray((files / "snapshot").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (files / "damaged.snapshot").write_bytes(damaged)
    refuse("damaged.snapshot: .*checksum", *ports, "--snapshot", files / "damaged.snapshot")

    network.box.run("ip", "link", "set", "dev", "postern-mx", "xdp", "obj", BUILD / "xdp/bpf/pass.bpf.o", "sec", "xdp")
    refuse("'postern-mx' has an XDP program already, pass; take it down", *ports)
    network.box.run("ip", "link", "set", "dev", "postern-mx", "xdp", "off")
    with running("dpdk", network, files) as engine:
        refuse("another postern-dataplane, drives 'postern-wan' already", *ports)
        assert engine.api.counters()["ports"]["wan"]["received"] >= 0


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


def packet_ports(size):
    """A port's name for DPDK's packet socket driver, for frames of that size."""
    return {end: f"net_af_packet{number},iface=postern-{end},framesz={size},blocksz={size * 4},framecnt=256"
            for number, end in enumerate(("wan", "mx"))}


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
        ends[0].send(attempt)
        assert ends[1].collect(1, 1, ours) == []
        after = engine.api.counters()["ports"]["wan"]
        assert after["reasons"]["rule-drop"] == before["reasons"]["rule-drop"] + 1
        assert after["bytes"] - before["bytes"] == len(attempt) + sum(map(len, passed))


def test_dpdk_says_where_jumbo_frames_do_not_fit(network, files, jumbo, request):
    if not DPDK.exists():
        pytest.skip("this build has no DPDK engine")
    request.getfixturevalue("hugepages")
    refuse = Refusals(network, DPDK, "--api", files / "refused.sock").line
    refuse("MTU of postern-wan is 9000, .* net_af_xdp takes at most", "--wan", "net_af_xdp0,iface=postern-wan",
           "--mx", "net_af_xdp1,iface=postern-mx")
    small = packet_ports(2048)
    refuse("MTU of postern-wan is 9000, .* say framesz=12288", "--wan", small["wan"], "--mx", small["mx"])


def carrier(space, device):
    return "LOWER_UP" in space.run("ip", "link", "show", "dev", device).stdout


def becomes(state, space, device, seconds=10):
    end = time.monotonic() + seconds
    while carrier(space, device) is not state and time.monotonic() < end:
        time.sleep(0.05)
    return carrier(space, device) is state


def test_a_lost_carrier_is_propagated_and_comes_back(kind, network, files):
    cables = ((network.wan, network.SENDERS), (network.mx, network.FARM))
    with running(kind, network, files) as engine:
        for lost, told in (cables, cables[::-1]):
            assert becomes(True, *told)
            time.sleep(1.5)  # a link counts once it has been there for a while
            lost[0].run("ip", "link", "set", lost[1], "down")
            assert becomes(False, *told), product.tail(engine.log)
            assert "link-down" in engine.log.read_text()
            lost[0].run("ip", "link", "set", lost[1], "up")
            assert becomes(True, *told), product.tail(engine.log)
        with both_ends(network) as ends:
            passes_both_ways(ends, [frames()["icmp"]] * 3)
        # What the engine took down is up when it has ended.
        network.wan.run("ip", "link", "set", network.SENDERS, "down")
        assert becomes(False, *cables[1])
    network.wan.run("ip", "link", "set", network.SENDERS, "up")
    assert becomes(True, *cables[0]) and becomes(True, *cables[1])


def test_a_dpdk_device_is_taken_down_by_its_driver(dpdk, network, files):
    """Two TAPs of DPDK's own: what becomes of them is for their driver to do."""
    words = [DPDK, "--wan", "net_tap0,iface=postern-tap0", "--mx", "net_tap1,iface=postern-tap1", "--api",
             files / "taps.sock", "--idle-sleep", "50"]
    engine = product.Program("the dpdk engine", network.box.popen, words, files / "taps.log")
    try:
        assert becomes(True, network.box, "postern-tap0") and becomes(True, network.box, "postern-tap1")
        for lost, told in (("postern-tap0", "postern-tap1"), ("postern-tap1", "postern-tap0")):
            time.sleep(1.5)
            network.box.run("ip", "link", "set", lost, "down")
            assert becomes(False, network.box, told), product.tail(engine.log)
            network.box.run("ip", "link", "set", lost, "up")
            assert becomes(True, network.box, told), product.tail(engine.log)
    finally:
        engine.stop()


def test_a_lost_carrier_can_be_ignored(kind, network, files):
    with running(kind, network, files, more=("--link", "ignore")):
        time.sleep(1.5)
        network.wan.run("ip", "link", "set", network.SENDERS, "down")
        assert not becomes(False, network.mx, network.FARM, 2)
    network.wan.run("ip", "link", "set", network.SENDERS, "up")
    assert becomes(True, network.wan, network.SENDERS)


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


def test_an_engine_starts_from_its_last_good_snapshot(kind, network, files, ends, tmp_path):
    state = ("--state-dir", tmp_path / "state")
    with running(kind, network, files, more=state) as engine:
        generation = engine.api.call("GET", "/v1/health")["generation"]
        kill(engine)
    with running(kind, network, files, more=state, snapshot=None) as engine:
        assert engine.api.call("GET", "/v1/health")["generation"] == generation
        ends[0].send(attempt())
        ends[0].send(attempt(UNLISTED))
        assert ends[1].collect(2, 1, ours) == [attempt(UNLISTED)]
    damaged = bytearray((files / "snapshot").read_bytes())
    damaged[-20] ^= 1
    (files / "damaged.snapshot").write_bytes(damaged)
    with running(kind, network, files, more=(*state, "--bad-snapshot", "last-good"), snapshot="damaged.snapshot") as engine:
        assert engine.api.call("GET", "/v1/health")["generation"] == generation
        assert "snapshot-refused" in engine.log.read_text()
    (tmp_path / "state/last-good.snapshot").write_bytes(damaged)
    with pytest.raises(RuntimeError, match="last-good.snapshot: .*checksum.* remove it"):
        with running(kind, network, files, more=state, snapshot=None):
            pass


@pytest.fixture
def bridge(network):
    """The kernel's bridge of both ports, as an operator makes one to fail open."""
    network.box.run("ip", "link", "add", "postern-open", "type", "bridge", "mcast_snooping", "0")
    for device in ("postern-wan", "postern-mx"):
        network.box.run("ip", "link", "set", "dev", device, "master", "postern-open")
    network.box.run("sysctl", "-qw", "net.ipv6.conf.postern-open.disable_ipv6=1")
    network.box.run("ip", "link", "set", "dev", "postern-open", "up")
    yield "postern-open"
    network.box.run("ip", "link", "delete", "postern-open")


@pytest.fixture
def dpdk(hugepages):
    if not DPDK.exists():
        pytest.skip("this build has no DPDK engine")


def test_a_dpdk_engine_fails_closed(dpdk, network, files, ends):
    with running("dpdk", network, files) as engine:
        passes_both_ways(ends, [datagram()])
        kill(engine)
        ends[0].send(datagram())
        assert ends[1].collect(1, 1, ours) == []
    with running("dpdk", network, files):  # what the killed one left is no obstacle
        passes_both_ways(ends, [datagram()])


def test_a_dpdk_engine_fails_open_through_a_bridge(dpdk, network, files, ends, bridge):
    open_ = ("--fail-open", bridge)
    with running("dpdk", network, files, more=open_) as engine:
        passes_both_ways(ends, list(frames().values()))  # once each: the bridge sees none of them
        ends[0].send(attempt())
        assert ends[1].collect(1, 1, ours) == []
        kill(engine)
        passes_both_ways(ends, [attempt(), datagram()])
    with running("dpdk", network, files, more=open_):
        ends[0].send(attempt())
        assert ends[1].collect(1, 1, ours) == []
        passes_both_ways(ends, [datagram()])
    passes_both_ways(ends, [attempt()])  # told to end, it is open as well


def test_nothing_leads_past_a_dpdk_engine_unsaid(dpdk, network, files, bridge):
    refuse = Refusals(network, DPDK, "--api", files / "refused.sock").line
    ports = ("--wan", "net_af_xdp0,iface=postern-wan", "--mx", "net_af_xdp1,iface=postern-mx")
    refuse("postern-wan belongs to postern-open, .* --fail-open postern-open", *ports)
    packet = packet_ports(2048)
    refuse("postern-wan belongs to postern-open, .*nomaster`.$", "--wan", packet["wan"], "--mx", packet["mx"])
    refuse("--fail-open needs ports of net_af_xdp", "--wan", packet["wan"], "--mx", packet["mx"], "--fail-open", bridge)
    network.box.run("ip", "link", "set", "dev", "postern-mx", "nomaster")
    refuse("postern-mx is not in the bridge postern-open .*`ip link add", *ports, "--fail-open", bridge)


class Greeter(threading.Thread):
    """A mail server as far as its greeting, inside a namespace."""

    def __init__(self, space, address):
        super().__init__(daemon=True)
        with entered(space):
            self.listener = socket.create_server((address, 25))
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.sendall(b"220 ready\r\n")
                connection.close()

    def close(self):
        self.listener.close()


def greeting(space, source, seconds):
    """What a client hears; None when nothing comes in time."""
    with entered(space):
        client = socket.socket()
    with client:
        client.settimeout(seconds)
        client.bind((source, 0))
        try:
            client.connect((SERVICE, 25))
            return client.recv(100)
        except TimeoutError:
            return None


def test_a_dpdk_engine_serves_its_own_host(dpdk, network, files):
    words = ["--wan", "net_af_xdp0,iface=postern-wan", "--host", "postern-host", "--snapshot", files / "snapshot",
             "--api", files / "host.sock", "--idle-sleep", "50"]
    network.wan.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=0")
    for source in (LISTED, UNLISTED):
        network.add_source(source)
    network.wan.run("ip", "route", "replace", f"{SERVICE}/32", "dev", network.SENDERS)  # gone with a carrier
    engine = product.Program("the dpdk engine", network.box.popen, [DPDK, *words], files / "host.log")
    server = None
    try:
        assert "topology=host" in engine.log.read_text()
        network.box.run("ip", "address", "add", f"{SERVICE}/32", "dev", "postern-host")
        network.box.run("ip", "route", "add", "default", "dev", "postern-host")
        server = Greeter(network.box, SERVICE)
        assert greeting(network.wan, UNLISTED, 10) == b"220 ready\r\n"
        assert greeting(network.wan, LISTED, 2) is None
        api = product.Api(files / "host.sock")
        reasons = api.reasons()
        assert reasons["rule-drop"] >= 1 and reasons["no-rule"] == 1
        assert api.reasons("mx")["from-inside"] > 0
        assert api.call("GET", "/v1/health")["topology"] == "host"
    finally:
        if server:
            server.close()
        engine.stop()
        for source in (LISTED, UNLISTED):
            network.wan.run("ip", "address", "del", f"{source}/32", "dev", network.SENDERS)
        network.wan.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=8")


def test_the_hosts_interface_may_be_there_before(dpdk, network, files):
    """As an operator makes it, so that its address outlives the engine; and one of another kind is refused."""
    network.box.run("ip", "tuntap", "add", "dev", "postern-host", "mode", "tap", "multi_queue")
    network.box.run("ip", "address", "add", f"{SERVICE}/32", "dev", "postern-host")
    words = ["--wan", "net_af_xdp0,iface=postern-wan", "--api", files / "host.sock"]
    try:
        for _ in range(2):
            engine = product.Program("the dpdk engine", network.box.popen, [DPDK, *words, "--host", "postern-host"],
                                     files / "host.log")
            assert "UP" in network.box.run("ip", "link", "show", "dev", "postern-host").stdout
            engine.stop()
            assert SERVICE in network.box.run("ip", "address", "show", "dev", "postern-host").stdout
    finally:
        network.box.run("ip", "link", "delete", "postern-host")
    refuse = Refusals(network, DPDK, *words).line
    refuse("host: .*postern-mx", "--host", "postern-mx")
    if not os.path.exists("/dev/vhost-net"):
        refuse("/dev/vhost-net cannot be opened: .*modprobe vhost_net", "--host", "postern-host,vhost")


@pytest.fixture
def second(network):
    """A second pair of cables, and its outer ends."""
    names = (("wan", network.wan), ("mx", network.mx))
    for end, outer in names:
        command("ip", "link", "add", f"postern-far-{end}", "netns", outer.name, "type", "veth", "peer", "name",
                f"postern-{end}2", "netns", network.box.name)
        for space, device in ((outer, f"postern-far-{end}"), (network.box, f"postern-{end}2")):
            space.run("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
            space.run("ip", "link", "set", device, "up")
        outer.run("ip", "link", "set", "dev", f"postern-far-{end}", "xdp", "obj", BUILD / "xdp/bpf/pass.bpf.o", "sec",
                  "xdp")
    wan, mx = FrameEnd(network.wan, "postern-far-wan"), FrameEnd(network.mx, "postern-far-mx")
    yield wan, mx
    wan.close()
    mx.close()
    for end, _ in names:
        network.box.run("ip", "link", "delete", f"postern-{end}2")


def test_several_wires_in_one_engine(kind, network, files, ends, second):
    more = ("--wan", "net_af_xdp2,iface=postern-wan2", "--mx", "net_af_xdp3,iface=postern-mx2") if kind == "dpdk" else \
           ("--wan", "postern-wan2", "--mx", "postern-mx2")
    with running(kind, network, files, more=more) as engine:
        sent = list(frames().values())
        passes_both_ways(ends, sent)
        passes_both_ways(second, sent * 2)
        for wire in (ends, second):
            wire[0].send(attempt())
            assert wire[1].collect(1, 1, ours) == []
        for wire, other in ((ends, second), (second, ends)):  # and never from one wire into another
            wire[0].send(datagram())
            assert other[1].collect(1, 1, ours) == [] and wire[1].collect(1, 1, ours) == [datagram()]
        shown = command(BUILD / "control/cli/postern", "stats", "--engine", engine.socket).stdout
        for device in ("postern-wan", "postern-mx", "postern-wan2", "postern-mx2"):
            assert re.search(rf"^  (wan|mx)  ?\S*{device} +[1-9]", shown, re.M), shown
        counted = engine.api.counters()
        first, other = counted["pairs"]
        assert (first["wan"], first["mx"]) == (("postern-wan", "postern-mx") if kind == "xdp" else
                                               ("net_af_xdp0,iface=postern-wan", "net_af_xdp1,iface=postern-mx"))
        assert other["mx"].endswith("postern-mx2")
        for pair, least in ((first, len(sent)), (other, 2 * len(sent))):
            for port in ("wan", "mx"):
                counts = pair["ports"][port]
                assert counts["received"] == sum(counts["reasons"].values()) >= least
            assert pair["ports"]["wan"]["reasons"]["rule-drop"] == 1
        for port in ("wan", "mx"):
            for key in ("received", "bytes", "passed", "stopped"):
                assert counted["ports"][port][key] == sum(p["ports"][port][key] for p in (first, other))
