# SPDX-License-Identifier: BSD-3-Clause
"""`postern replay` on captures composed here with scapy: verdicts, totals, and what a capture lacks."""

import json
import struct

import pytest
from scapy.all import (ICMP, IP, TCP, UDP, Dot1Q, Ether, IPv6, IPv6ExtHdrDestOpt, Raw, fragment,
                       raw)

from postern_program import bad_input, fine, fine_json, postern, write_site

CUT = "cut by the capture"
MX, MX6 = "198.51.100.25", "2001:db8:25::25"


def ether():
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def syn(source, destination=MX, port=25, flags="S", link=None):
    ip = IPv6 if ":" in source else IP
    return (link or ether()) / ip(src=source, dst=destination) / TCP(
        sport=40000, dport=port, flags=flags, seq=1)


def write_pcap(path, frames, link_type=1, snap=None, end=b""):
    """A classic pcap file with microseconds; a frame is bytes or a packet. snap cuts every frame."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snap or 262144, link_type))
        for number, frame in enumerate(frames):
            data = frame if isinstance(frame, bytes) else raw(frame)
            kept = data[:snap] if snap else data
            file.write(struct.pack("<IIII", 1700000000, number + 1, len(kept), len(data)) + kept)
        file.write(end)
    return path


def write_pcapng(path, frames):
    """A section, one Ethernet interface with nanoseconds, and enhanced packet blocks."""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    with open(path, "wb") as file:
        file.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        options = struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)
        file.write(block(1, struct.pack("<HHI", 1, 0, 262144) + options))
        for number, frame in enumerate(frames):
            data = raw(frame)
            time = 1_700_000_000_000_000_000 + (number + 1) * 1000
            file.write(block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xffffffff, len(data),
                                            len(data)) + data))
    return path


@pytest.fixture(name="snapshot", scope="module")
def compile_snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    fine("compile", "--policy", write_site(folder), "-o", folder / "snapshot")
    return folder / "snapshot"


FRAMES = (
    (syn("203.0.113.7"), "reset", "rule-reset"),
    (syn("203.0.113.130"), "drop", "rule-drop"),
    (syn("203.0.113.130", port=587), "drop", "rule-drop"),
    (syn("203.0.113.200"), "allow", "rule-allow"),
    (syn("192.0.2.7"), "allow", "protected"),
    (syn("198.18.0.1"), "allow", "no-rule"),
    (syn("203.0.113.7", port=80), "allow", "not-service"),
    (syn("203.0.113.7", flags="SA"), "allow", "not-attempt"),
    (syn("203.0.113.7", flags="PA"), "allow", "not-attempt"),
    (syn("2001:db8:dead::7", MX6), "reset", "rule-reset"),
    (syn("203.0.113.130", link=ether() / Dot1Q(vlan=7)), "drop", "rule-drop"),
    (ether() / IP(src="203.0.113.7", dst=MX) / UDP(dport=53), "allow", "not-tcp"),
    (ether() / IP(src="203.0.113.7", dst=MX) / ICMP(), "allow", "not-tcp"),
    (raw(ether())[:12] + b"\x08\x06" + bytes(28), "allow", "not-ip"),
    (raw(syn("203.0.113.7"))[:40], "drop", "bad-ip-header"),
    (b"\x02\x00\x00", "drop", "truncated-ethernet"),
)


def test_one_verdict_per_packet(snapshot, tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [frame for frame, _, _ in FRAMES])
    out = fine_json("replay", pcap, "--snapshot", snapshot)
    assert [(one["verdict"], one["reason"]) for one in out["packets"]] == [
        (action, reason) for _, action, reason in FRAMES]
    assert [one["number"] for one in out["packets"]] == list(range(1, len(FRAMES) + 1))


def test_packet_is_described(snapshot, tmp_path):
    out = fine_json("replay", write_pcap(tmp_path / "x.pcap", [frame for frame, _, _ in FRAMES]),
                    "--snapshot", snapshot)["packets"]
    assert out[1] == {"number": 2, "time": "2023-11-14T22:13:20.000002Z", "source": "203.0.113.130",
                      "source_port": 40000, "destination": MX, "destination_port": 25,
                      "verdict": "drop", "reason": "rule-drop", "rule": "drop list hijacked",
                      "file": str(snapshot.parent / "site.policy"), "line": 11}
    assert out[2]["rule"] == "drop category hijacked"
    assert (out[9]["source"], out[9]["destination"]) == ("2001:db8:dead::7", MX6)
    assert (out[11]["source"], out[11]["source_port"]) == ("203.0.113.7", None)
    assert out[13]["source"] is None


def test_totals_are_the_sum_of_the_packets(snapshot, tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [frame for frame, _, _ in FRAMES])
    out = fine_json("replay", pcap, "--snapshot", snapshot)
    counted = {}
    for one in out["packets"]:
        counted[one["reason"]] = counted.get(one["reason"], 0) + 1
    assert out["totals"] == counted
    assert out["count"] == len(FRAMES) == out["passed"] + out["stopped"]
    assert out["cut"] == 0
    only = fine_json("replay", pcap, "--snapshot", snapshot, "--totals")
    assert only["packets"] == []
    assert only["totals"] == counted


def test_text_has_a_line_per_packet_and_totals(snapshot, tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [frame for frame, _, _ in FRAMES])
    lines = fine("replay", pcap, "--snapshot", snapshot).splitlines()
    words = lines[1].split()
    assert words[:7] == ["2", "2023-11-14T22:13:20.000002Z", "203.0.113.130:40000", "->",
                         f"{MX}:25", "drop", "rule-drop"]
    assert lines[1].endswith("site.policy:11: drop list hijacked")
    assert f"[2001:db8:dead::7]:40000 -> [{MX6}]:25" in lines[9]
    assert lines[len(FRAMES) + 1] == f"{len(FRAMES)} packets"
    totals = [line.split()[:2] for line in lines[len(FRAMES) + 2:]]
    assert ["rule-drop", "3"] in totals
    assert ["not-attempt", "2"] in totals


def test_inside_port_passes_everything(snapshot, tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [frame for frame, _, _ in FRAMES])
    out = fine_json("replay", pcap, "--snapshot", snapshot, "--port", "mx")
    assert out["totals"] == {"from-inside": len(FRAMES)}
    assert out["packets"][1]["source"] == "203.0.113.130"


def test_pcapng_says_the_same(snapshot, tmp_path):
    frames = [frame for frame, _, _ in FRAMES if not isinstance(frame, bytes)]
    one = fine_json("replay", write_pcap(tmp_path / "x.pcap", frames), "--snapshot", snapshot)
    other = fine_json("replay", write_pcapng(tmp_path / "x.pcapng", frames), "--snapshot", snapshot)
    assert one == other


def test_standard_input(snapshot, tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [syn("203.0.113.7")])
    run = postern("replay", "-", "--snapshot", snapshot, "-j", stdin=pcap.read_bytes())
    assert json.loads(run.stdout)["totals"] == {"rule-reset": 1}


def test_policy_instead_of_a_snapshot(tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [syn("203.0.113.7")])
    out = fine_json("replay", pcap, "--policy", write_site(tmp_path))
    assert out["totals"] == {"rule-reset": 1}


def test_empty_capture(snapshot, tmp_path):
    out = fine_json("replay", write_pcap(tmp_path / "x.pcap", []), "--snapshot", snapshot)
    assert (out["packets"], out["count"], out["totals"]) == ([], 0, {})


# A cut behind the TCP header changes nothing; within the headers, there is no verdict, and never
# one of the reasons for packets that were truncated on the wire.
BIG = syn("203.0.113.130") / Raw(b"x" * 200)
BIG6 = (ether() / IPv6(src="2001:db8:dead::7", dst=MX6) / IPv6ExtHdrDestOpt() /
        TCP(sport=1, dport=25, flags="S") / Raw(b"x" * 200))
BIG_UDP = ether() / IP(src="203.0.113.7", dst=MX) / UDP(dport=53) / Raw(b"x" * 200)


@pytest.mark.parametrize("frame, snap, reason", [
    (BIG, 96, "rule-drop"), (BIG, 54, "rule-drop"), (BIG, 53, CUT), (BIG, 34, CUT), (BIG, 33, CUT),
    (BIG, 20, CUT), (BIG, 13, CUT), (BIG, 1, CUT),
    (BIG6, 128, "rule-reset"), (BIG6, 82, "rule-reset"), (BIG6, 81, CUT), (BIG6, 62, CUT),
    (BIG6, 56, CUT), (BIG6, 54, CUT), (BIG6, 40, CUT),
    (BIG_UDP, 64, "not-tcp"), (BIG_UDP, 34, "not-tcp"), (BIG_UDP, 33, CUT),
])
def test_frames_cut_by_the_capture(snapshot, tmp_path, frame, snap, reason):
    pcap = write_pcap(tmp_path / "x.pcap", [frame], snap=snap)
    out = fine_json("replay", pcap, "--snapshot", snapshot)
    assert out["totals"] == {reason: 1}
    assert out["packets"][0]["reason"] == reason
    assert (out["packets"][0]["verdict"] is None) == (reason == CUT)
    assert out["cut"] == (1 if reason == CUT else 0)
    if reason == CUT:
        assert CUT in fine("replay", pcap, "--snapshot", snapshot)


def test_cut_frame_that_lies_on_the_wire_too_is_named_for_that(snapshot, tmp_path):
    lying = syn("203.0.113.130") / Raw(b"x" * 200)
    lying[IP].len = 9000
    pcap = write_pcap(tmp_path / "x.pcap", [lying], snap=64)
    assert fine_json("replay", pcap, "--snapshot", snapshot)["totals"] == {"bad-ip-header": 1}


def test_fragments(snapshot, tmp_path):
    whole = ether() / IP(src="203.0.113.130", dst=MX) / TCP(dport=25, flags="S") / Raw(b"x" * 100)
    pcap = write_pcap(tmp_path / "x.pcap", fragment(whole, fragsize=64))
    out = fine_json("replay", pcap, "--snapshot", snapshot)
    assert out["totals"] == {"rule-drop": 1, "later-fragment": 1}


def test_capture_that_breaks_off_tells_what_was_read(snapshot, tmp_path):
    pcap = write_pcap(tmp_path / "x.pcap", [syn("203.0.113.7")], end=b"\x01\x02\x03")
    run = postern("replay", pcap, "--snapshot", snapshot, "-j")
    assert run.returncode == 1
    assert f"{pcap}: breaks off after frame 1: " in run.stderr
    out = json.loads(run.stdout)
    assert out["totals"] == {"rule-reset": 1}
    assert out["errors"][0]["file"] == str(pcap)


def test_bad_captures(snapshot, tmp_path):
    assert "absent.pcap" in bad_input("replay", tmp_path / "absent.pcap", "--snapshot", snapshot)
    other = write_pcap(tmp_path / "raw.pcap", [raw(IP())], link_type=101)
    said = bad_input("replay", other, "--snapshot", snapshot)
    assert "link type RAW" in said
    for content in (b"", b"not a capture at all, but long enough to hold a header"):
        (tmp_path / "bad.pcap").write_bytes(content)
        said = bad_input("replay", tmp_path / "bad.pcap", "--snapshot", snapshot)
        assert len(said.splitlines()) == 1
