# SPDX-License-Identifier: BSD-3-Clause
"""What becomes of a wire when a cable or an engine fails: the other cable goes down and comes back, the
engine starts again from its last good rules, and nothing passes meanwhile but by a path that is named."""

import time

import pytest

from tests.e2e.lab import product
from tests.e2e.lab.farm import wait_for
from tests.e2e.lab.wire import (DPDK, PATIENCE, UNLISTED, Refusals, attempt, both_ends, datagram, frames, kill, ours,
                                packet_ports, passes_both_ways, running)


def carrier(space, device):
    return "LOWER_UP" in space.run("ip", "link", "show", "dev", device).stdout


def becomes(state, space, device, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while carrier(space, device) is not state and time.monotonic() < end:
        time.sleep(0.05)
    return carrier(space, device) is state


def test_a_lost_carrier_is_propagated_and_comes_back(kind, network, files):
    cables = ((network.wan, network.SENDERS), (network.mx, network.FARM))
    with running(kind, network, files) as engine:
        for times, (lost, told) in enumerate((cables, cables[::-1]), 1):
            assert becomes(True, *told)
            time.sleep(1.5)  # a link counts once it has been there for a while, at the latest after ten seconds
            lost[0].run("ip", "link", "set", lost[1], "down")
            assert becomes(False, *told), product.tail(engine.log)
            wait_for("the line about it", PATIENCE, lambda: engine.log.read_text().count("link-down") == times)
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


def test_an_engine_starts_from_its_last_good_snapshot(kind, network, files, ends, tmp_path):
    state = ("--state-dir", tmp_path / "state")
    with running(kind, network, files, more=state) as engine:
        generation = engine.api.call("GET", "/v1/health")["generation"]
        kill(engine)
    with running(kind, network, files, more=state, snapshot=None) as engine:
        assert engine.api.call("GET", "/v1/health")["generation"] == generation
        ends[0].send(attempt())
        ends[0].send(attempt(UNLISTED))
        assert ends[1].collect(1, PATIENCE, ours) == [attempt(UNLISTED)]
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
