# SPDX-License-Identifier: BSD-3-Clause
"""Other shapes than one wire: the DPDK engine in front of its own host, with a real listener behind its
TAP, and several wires in one engine of each kind."""

import contextlib
import os
import re
import socket
import threading

import pytest

from tests.e2e.lab import product
from tests.e2e.lab.frames import FrameEnd, entered
from tests.e2e.lab.namespaces import command
from tests.e2e.lab.wire import (BUILD, DPDK, LISTED, PATIENCE, SERVICE, UNLISTED, Refusals, attempt, counted, datagram,
                                frames, kill, ours, passes_both_ways, running, stops)


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
        assert greeting(network.wan, UNLISTED, PATIENCE) == b"220 ready\r\n"
        assert greeting(network.wan, LISTED, 2) is None
        api = product.Api(files / "host.sock")
        reasons = api.reasons()
        assert reasons["rule-drop"] >= 1 and reasons["no-rule"] >= 1  # more where a SYN came again
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


def test_several_wires_outlive_a_killed_xdp_engine(network, files, ends, second):
    more = ("--wan", "postern-wan2", "--mx", "postern-mx2")
    with running("xdp", network, files, more=more) as engine:
        kill(engine)
        for wire in (ends, second):  # nobody is there, and the kernel goes on judging
            passes_both_ways(wire, [datagram()])
            wire[0].send(attempt())
            assert wire[1].collect(1, 1, ours) == []
    with running("xdp", network, files, more=more) as engine:
        assert "takeover links=4" in engine.log.read_text()
        for wire in (ends, second):
            passes_both_ways(wire, [datagram()])
    with running("xdp", network, files):  # one wire again: what was on the other is gone
        passes_both_ways(ends, [datagram()])
        second[0].send(datagram())
        assert second[1].collect(1, 1, ours) == []


def test_several_wires_in_one_engine(kind, network, files, ends, second):
    more = ("--wan", "net_af_xdp2,iface=postern-wan2", "--mx", "net_af_xdp3,iface=postern-mx2") if kind == "dpdk" else \
           ("--wan", "postern-wan2", "--mx", "postern-mx2")
    with running(kind, network, files, more=more) as engine:
        sent = list(frames().values())
        passes_both_ways(ends, sent)
        passes_both_ways(second, sent * 2)
        for wire in (ends, second):
            stops(wire, attempt())
        for wire, other in ((ends, second), (second, ends)):  # and never from one wire into another
            wire[0].send(datagram())
            assert wire[1].collect(1, PATIENCE, ours) == [datagram()] and other[1].collect(1, 1, ours) == []
        assert counted(engine, "rule-drop", 2) == 2
        shown = command(BUILD / "control/cli/postern", "stats", "--engine", engine.socket).stdout
        for device in ("postern-wan", "postern-mx", "postern-wan2", "postern-mx2"):
            assert re.search(rf"^  (wan|mx)  ?\S*{device} +[1-9]", shown, re.M), shown
        ledger = engine.api.counters()
        first, other = ledger["pairs"]
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
                assert ledger["ports"][port][key] == sum(p["ports"][port][key] for p in (first, other))
