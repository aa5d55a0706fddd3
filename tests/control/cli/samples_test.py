# SPDX-License-Identifier: BSD-3-Clause
"""`postern drops` and `postern capture` against the real management API of an engine in memory, whose
traffic the core judges."""

import json
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from postern_program import (BAD_INPUT, FINE, PROGRAM, EngineHost, bad_input, fine, fine_json,
                             postern, write_site, wrong_usage)

LISTED = {"203.0.113.130", "203.0.113.131", "203.0.113.7", "2001:db8:dead::1"}


@pytest.fixture(name="host", scope="module")
def run_host(tmp_path_factory):
    """An engine with traffic, under the rules of the site."""
    folder = tmp_path_factory.mktemp("samples")
    policy = write_site(folder)
    with EngineHost(folder / "engine.sock", "--traffic") as host:
        fine("apply", "--policy", policy, "-o", folder / "snapshot", "-e", host.socket)
        yield host


def documents(text):
    return [json.loads(line) for line in text.splitlines()]


def test_drops_say_when_whom_why(host):
    lines = fine("drops", "-e", host.socket, "--count", "40").splitlines()
    assert len(lines) == 40
    form = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z  (\S+) -> \S+:25(?: vlan (\S+))? +(drop|reset) +(rule-\w+) +(.*)")
    told = [form.fullmatch(line) for line in lines]
    assert all(told), lines
    one = next(line for line in told if line[1].startswith("203.0.113.131:"))
    assert one[3] == "drop"
    assert re.fullmatch(r"dynamic \S*dynamic.netset:2, hijacked \S*drop.json:1; \S*site.policy:11: drop list hijacked", one[5])
    assert any(line[1].startswith("[2001:db8:dead::1]:") for line in told)
    assert {line[2] for line in told} == {None, "100.7"}


def test_drops_as_json(host):
    found = documents(fine("drops", "-j", "-e", host.socket, "-n", "50"))
    assert len(found) == 50
    assert {one["source"] for one in found} == LISTED
    assert all(one["stopped"] and one["every"] == 1 for one in found)
    numbers = [one["sequence"] for one in found]
    assert numbers == sorted(set(numbers))
    one = next(one for one in found if one["source"] == "203.0.113.7")
    assert (one["reason"], one["action"], one["destination_port"]) == ("rule-reset", "reset", 25)
    assert [line["list"] for line in one["lists"]] == ["dynamic"]
    assert one["rule"]["rule"] == "reset category dynamic"
    assert "bytes" not in one
    assert {one["vlan"] for one in found} == {None, "100.7"}
    assert abs(one["time"] / 1e9 - time.time()) < 60


def test_reason_and_fate(host):
    resets = documents(fine("drops", "-j", "-e", host.socket, "--reason", "rule-reset", "-n", "10"))
    assert {one["reason"] for one in resets} == {"rule-reset"}
    passed = documents(fine("drops", "-j", "-e", host.socket, "--fate", "passed", "-n", "20"))
    assert {one["source"] for one in passed} == {"198.18.0.1", "203.0.113.200"}


def test_one_in_so_many(host):
    # Five seconds after the last one who wished for all is gone, a hundred in a second are ten.
    for seconds in (8, 40):
        found = documents(fine("drops", "-j", "-e", host.socket, "--every", "10", "--seconds", seconds))
        thin = [one for one in found if one["every"] == 10]
        if len(thin) > 20:
            break
    assert len(thin) > 20, found
    assert thin == found[-len(thin):]
    # Some three hundred and fifty are stopped in a second, or less where the machine is busy.
    assert len(thin) < 20 + 60 * (thin[-1]["time"] - thin[0]["time"]) / 1e9


def test_ends_after_so_many_seconds(host):
    begin = time.monotonic()
    fine("drops", "-e", host.socket, "--seconds", "1")
    assert 1 <= time.monotonic() - begin < 60


def test_an_interruption_is_a_good_end(host, tmp_path):
    out = tmp_path / "capture.pcapng"
    with subprocess.Popen([PROGRAM, "capture", "-w", out, "-e", host.socket], stderr=subprocess.PIPE,
                          text=True) as process:
        while not out.exists() or out.stat().st_size < 4000:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == FINE
    assert re.search(r"postern capture: \d+ packets\n", said)
    assert len(tshark(out)) == int(re.search(r"(\d+) packets", said)[1])


FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "ip.src", "ipv6.src",
          "tcp.dstport", "frame.comment")


def tshark(path, *options):
    """The packets of a capture as tshark reads them. -> [{field: text}]"""
    words = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", *options]
    for field in FIELDS:
        words += ["-e", field]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return [dict(zip(FIELDS, line.split("|"))) for line in done.stdout.splitlines()]


needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


@needs_tshark
def test_tshark_reads_the_capture(host, tmp_path):
    out = tmp_path / "capture.pcapng"
    said = fine_json("capture", "-w", out, "-e", host.socket, "-n", "60")
    assert (said["file"], said["packets"], said["lost"]) == (str(out), 60, 0)
    assert out.stat().st_mode & 0o777 == 0o600
    packets = tshark(out)
    assert len(packets) == 60
    assert {one["ip.src"] or one["ipv6.src"] for one in packets} == LISTED
    assert {one["tcp.dstport"] for one in packets} == {"25"}
    assert {one["frame.interface_name"] for one in packets} == {f"{host.socket} wan"}
    times = [float(one["frame.time_epoch"]) for one in packets]
    assert times == sorted(times) and abs(times[-1] - time.time()) < 60
    assert any(not one["frame.time_epoch"].endswith("000") for one in packets), "no nanoseconds"
    long = [one for one in packets if one["frame.len"] == "454"]
    assert long and {one["frame.cap_len"] for one in long} == {"54"}, "what is behind the headers was written"
    comments = {one["frame.comment"] for one in packets if one["ip.src"] == "203.0.113.131"}
    comment, = comments
    assert re.fullmatch(r"rule-drop drop; dynamic \S*dynamic.netset:2, hijacked \S*drop.json:1; \S+:11: drop list hijacked",
                        comment), comment


@needs_tshark
@pytest.mark.parametrize("words, captured", [(["--whole"], "454"), (["--snap", "100"], "100")])
def test_more_than_headers_where_asked(host, tmp_path, words, captured):
    out = tmp_path / "capture.pcapng"
    fine("capture", "-w", out, "-e", host.socket, "-n", "30", *words)
    long = {one["frame.cap_len"] for one in tshark(out) if one["frame.len"] == "454"}
    assert captured in long


@needs_tshark
def test_a_capture_to_standard_output(host, tmp_path):
    done = subprocess.run([PROGRAM, "capture", "-w", "-", "-e", host.socket, "-n", "5", "--fate", "all"],
                          capture_output=True, timeout=60, check=True)
    path = tmp_path / "piped.pcapng"
    path.write_bytes(done.stdout)
    assert len(tshark(path)) == 5
    assert done.stderr == b"postern capture: 5 packets\n"


def test_what_was_captured_can_be_replayed(host, tmp_path):
    out = tmp_path / "capture.pcapng"
    policy = write_site(tmp_path)
    fine("capture", "-w", out, "-e", host.socket, "-n", "20", "--whole")
    replayed = fine_json("replay", out, "--policy", policy)
    assert (replayed["count"], replayed["stopped"]) == (20, 20)


def test_top_over_a_window(host):
    for seconds in (3, 30):
        seen = fine_json("top", "--once", "--seconds", seconds, "-e", host.socket)
        assert seen["lost"] == 0
        assert seconds <= seen["seconds"] < seconds + 60
        if seen["packets"] > 100:
            break
    assert seen["packets"] == seen["samples"] > 100
    sources = {one["source"]: one for one in seen["sources"]}
    assert set(sources) == LISTED
    assert seen["sources"][0]["source"] == "203.0.113.130"  # two or three of the six that are stopped
    assert 0.3 < sources["203.0.113.130"]["share"] < 0.6
    assert all(one["packets"] == one["at_least"] for one in seen["sources"])
    assert sum(one["packets"] for one in seen["sources"]) == seen["packets"]
    nets = {one["net"]: one["packets"] for one in seen["nets"]}
    assert set(nets) == {"203.0.113.0/24", "2001:db8:dead::/48"}
    assert nets["2001:db8:dead::/48"] == sources["2001:db8:dead::1"]["packets"]
    lists = {one["list"]: one["packets"] for one in seen["lists"]}
    assert lists["dynamic"] == seen["packets"]
    assert lists["hijacked"] == sources["203.0.113.130"]["packets"] + sources["203.0.113.131"]["packets"]


def test_top_as_a_table(host):
    text = fine("top", "--once", "--seconds", "3", "--rows", "2", "-e", host.socket)
    assert re.match(r"[\d,]+ packets, from [\d,]+ samples\n", text)
    rows = [line.split() for line in text.splitlines() if line.startswith("  ")]
    assert rows[0] == ["source", "packets", "at", "least", "share"]
    assert rows[1][0] == "203.0.113.130" and len([row for row in rows if "." in row[0] or ":" in row[0]]) == 4


def judged(host):
    """How many frames the engine has judged so far."""
    return fine_json("stats", "-e", host.socket)["engines"][0]["ports"]["wan"]["received"]


def test_top_live_shows_rates(host):
    before, begin = judged(host), time.monotonic()
    with subprocess.Popen([PROGRAM, "top", "-j", "-e", host.socket, "--fate", "all"], stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            rounds = [json.loads(process.stdout.readline()) for _ in range(4)]
        finally:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert process.returncode == FINE
    # No more than five hundred frames in a second are judged; how many depends on the machine, and on the moment.
    rate = (judged(host) - before) / (time.monotonic() - begin)
    rates = [one["packets"] for one in rounds]
    assert all(rate / 5 < shown < 1000 for shown in rates[1:]), (rate, rates)


def test_a_file_that_cannot_be_written(host, tmp_path):
    assert "cannot be written" in bad_input("capture", "-w", tmp_path / "no" / "file", "-e", host.socket, "-n", "1")
    assert "cannot be written" in bad_input("capture", "-w", "/dev/full", "-e", host.socket, "-n", "1")


def test_an_engine_that_is_gone(tmp_path):
    assert "cannot be reached" in bad_input("drops", "-e", tmp_path / "gone.sock", "-n", "1")


def test_an_engine_without_samples(tmp_path):
    with EngineHost(tmp_path / "engine.sock", "--samples", "0") as host:
        assert "takes no samples" in bad_input("drops", "-e", host.socket, "-n", "1")


def test_what_is_too_much_is_bounded_and_what_is_missed_is_told(tmp_path):
    """A reader that asks again only after the store has gone on sees how much it has missed."""
    with EngineHost(tmp_path / "engine.sock", "--traffic", "--samples", "10") as host:
        found = documents(fine("drops", "-j", "-e", host.socket, "--fate", "all", "--seconds", "8"))
        later = [one for one in found if one["time"] > found[-1]["time"] - 4e9]
        # Some five hundred packets in a second, or a tenth of that where the machine is busy; ten are shown.
        assert all(one["every"] >= 4 for one in later), later
        assert 10 < len(later) < 100


def ask(path, target):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(path)
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_wait_ends_with_the_first_sample_and_others_are_served_meanwhile(tmp_path):
    with EngineHost(tmp_path / "engine.sock") as host:
        begin = ask(host.socket, "/v1/samples")["next"]
        for wait in (1.5, 15):  # the latter for a machine that is very slow
            with socket.socket(socket.AF_UNIX) as waiting:
                waiting.settimeout(60)
                waiting.connect(host.socket)
                before = time.monotonic()
                waiting.sendall(f"GET /v1/samples?after={begin}&wait={wait * 1000:.0f} HTTP/1.1\r\nHost: e\r\n\r\n".encode())
                assert ask(host.socket, "/v1/health")["engine"] == "memory"
                served = time.monotonic() - before
                answer = waiting.recv(65536)
                assert time.monotonic() - before >= wait - 0.1
                assert b'"samples":[]' in answer
            if served < wait - 0.1:
                break
        assert served < wait - 0.1, "one who waits keeps the others waiting"


@pytest.mark.parametrize("words", [
    ["drops", "extra"], ["drops", "--reason", "because"], ["drops", "--fate", "dropped"], ["drops", "--count", "0"],
    ["drops", "--every", "x"], ["drops", "--seconds", "-1"], ["drops", "--fate", "all", "--reason", "rule-drop"],
    ["top", "--rows", "0"], ["top", "--rows", "x"], ["top", "extra"],
    ["capture"], ["capture", "-w", "f", "--snap", "0"], ["capture", "-w", "f", "--snap", "5000"],
    ["capture", "-w", "f", "--whole", "--snap", "10"], ["capture", "-w", "-", "-j"]])
def test_wrong_usage(words):
    wrong_usage(*words)
