# SPDX-License-Identifier: BSD-3-Clause
"""`postern stats`, `apply` and `entries` against the real management API of an engine in memory."""

import json
import subprocess

import pytest

from postern_program import (BAD_INPUT, FINE, PROGRAM, EngineHost, bad_input, fine, fine_json,
                             postern, write_site)


@pytest.fixture(name="host")
def run_host(tmp_path):
    with EngineHost(tmp_path / "engine.sock") as host:
        yield host


@pytest.fixture(name="policy")
def write_policy(tmp_path):
    return write_site(tmp_path)


def test_stats_per_port_and_reason(host):
    lines = [line.split() for line in fine("stats", "--engine", host.socket).splitlines()]
    assert ["received", "1,235,567", "77"] in lines
    assert ["rule-drop", "1,234,567", "0"] in lines
    assert ["from-inside", "0", "77"] in lines
    assert not any(line[:1] == ["not-ip"] for line in lines)
    assert ["not-ip", "0", "0"] in [
        line.split() for line in fine("stats", "-a", "-e", host.socket).splitlines()]


def test_stats_as_json(host):
    engine, = fine_json("stats", "--engine", host.socket)["engines"]
    assert engine["socket"] == host.socket
    assert engine["generation"] == 0
    wan, mx = engine["ports"]["wan"], engine["ports"]["mx"]
    assert wan["received"] == sum(wan["reasons"].values()) == wan["passed"] + wan["stopped"]
    assert (wan["stopped"], wan["bytes"], mx["passed"]) == (1234567, 99000000, 77)


def test_stats_of_rules(host, policy, tmp_path):
    policy.write_text(policy.read_text() + "signature bot /^bot$/ drop\n")
    fine("apply", "--policy", policy, "-o", tmp_path / "snapshot", "-e", host.socket)
    engine, = fine_json("stats", "--rules", "-e", host.socket)["engines"]
    rules = engine["rules"]
    assert all(one["attempts"] >= 3 and one["stopped"] <= one["attempts"] for one in rules["lists"])
    dynamic, = (one for one in rules["lists"] if one["list"] == "dynamic")
    assert 0 < dynamic["stopped"] < dynamic["attempts"]  # its protected addresses are not stopped
    assert all(one["attempts"] >= 3 for one in rules["categories"])
    assert [one["line"] for one in rules["rules"]] == sorted(one["line"] for one in rules["rules"])
    assert rules["signatures"] == [{"signature": "bot", "hits": 0}]
    text = fine("stats", "--rules", "-e", host.socket)
    for words in ("list attempts stopped", "rule attempts", "signature hits", "bot 0"):
        assert words.split() in [line.split() for line in text.splitlines()]
    assert "rules" not in fine_json("stats", "-e", host.socket)["engines"][0]


def test_stats_watch_repeats(host):
    with subprocess.Popen([PROGRAM, "stats", "--watch", "-j", "-e", host.socket],
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            rounds = [json.loads(process.stdout.readline()) for _ in range(2)]
        finally:
            process.kill()
    assert [one["engines"][0]["ports"]["wan"]["stopped"] for one in rounds] == [1234567] * 2


def test_stats_of_an_engine_that_is_gone(host, tmp_path):
    gone = tmp_path / "gone.sock"
    run = postern("stats", "-e", host.socket, "-e", gone)
    assert run.returncode == BAD_INPUT
    assert str(gone) in run.stderr
    assert "rule-drop" in run.stdout


def test_apply_compiles_writes_and_loads(host, policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    out = fine_json("apply", "--policy", policy, "-o", snapshot, "-e", host.socket)
    assert out["snapshot"] == str(snapshot)
    assert out["engines"] == [{"socket": host.socket, "loaded": True,
                               "generation": out["generation"]}]
    assert fine_json("stats", "-e", host.socket)["engines"][0]["generation"] == out["generation"]
    assert "in force" in fine("apply", "--policy", policy, "-o", snapshot, "-e", host.socket)


def test_apply_takes_a_path_relative_to_where_it_runs(host, policy, tmp_path):
    fine("compile", "--policy", policy, "-o", tmp_path / "snapshot")
    out = fine_json("apply", "--snapshot", "snapshot", "-e", host.socket, cwd=tmp_path)
    assert out["snapshot"] == str(tmp_path / "snapshot")
    assert out["engines"][0]["loaded"] is True


def test_apply_keeps_the_last_good_list_of_what_is_in_force(host, policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    arguments = ("apply", "--policy", policy, "-o", snapshot, "-e", host.socket)
    fine(*arguments)
    write_site(tmp_path, dynamic_netset="")
    out = fine_json(*arguments)
    assert [one["kept_previous"] for one in out["lists"]] == [True, False, False]
    assert out["warnings"]
    assert "dynamic" in fine("explain", "203.0.113.7", "--snapshot", snapshot)


def test_apply_goes_on_without_a_sound_previous_snapshot(host, policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    snapshot.write_text("something else")
    run = postern("apply", "--policy", policy, "-o", snapshot, "-e", host.socket)
    assert run.returncode == FINE
    assert "no last good lists are kept" in run.stderr


def test_apply_names_the_engine_that_refuses(host, policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    with EngineHost(tmp_path / "other.sock", "--refuse") as other:
        run = postern("apply", "--policy", policy, "-o", snapshot, "-e", other.socket, "-e",
                      host.socket)
        assert run.returncode == BAD_INPUT
        assert f"{other.socket}: keeps its rules: " in run.stderr
        assert host.socket not in run.stderr
        run = postern("apply", "--snapshot", snapshot, "-e", other.socket, "-e", host.socket, "-j")
        assert run.returncode == BAD_INPUT
        assert [one["loaded"] for one in json.loads(run.stdout)["engines"]] == [False, True]


def test_bad_policy_reaches_no_engine(host, policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    good = fine_json("apply", "--policy", policy, "-o", snapshot, "-e", host.socket)
    policy.write_text("connection to nowhere\n")
    bad_input("apply", "--policy", policy, "-o", snapshot, "-e", host.socket)
    assert fine_json("stats", "-e", host.socket)["engines"][0]["generation"] == good["generation"]
    assert fine_json("explain", "192.0.2.1", "-s", snapshot)["generation"] == good["generation"]


def test_entries_are_added_listed_and_removed(host):
    fine("entries", "add", "203.0.113.7", "--action", "reset", "--for", "30m", "--reason",
         "talks before the greeting", "-e", host.socket)
    fine("entries", "add", "2001:db8:1:2::/64", "-e", host.socket)
    engine, = fine_json("entries", "-e", host.socket)["engines"]
    entries = {one["prefix"]: one for one in engine["entries"]}
    assert entries["203.0.113.7/32"]["action"] == "reset"
    assert entries["203.0.113.7/32"]["reason"] == "talks before the greeting"
    assert 0 < entries["203.0.113.7/32"]["seconds"] <= 1800
    assert entries["2001:db8:1:2::/64"]["action"] == "drop"
    assert engine["evicted"] == 0
    text = fine("entries", "list", "-e", host.socket)
    assert "2 entries of " in text
    assert "talks before the greeting" in text
    out = fine_json("entries", "remove", "203.0.113.7", "-e", host.socket)
    assert out["engines"] == [{"socket": host.socket, "removed": True}]
    assert "1 entry of " in fine("entries", "-e", host.socket)


def test_more_entries_than_an_answer_holds(tmp_path):
    with EngineHost(tmp_path / "many.sock", "--learned", "10000") as host:
        engine, = fine_json("entries", "-e", host.socket)["engines"]
        there = [one["prefix"] for one in engine["entries"]]
        assert len(set(there)) == len(there) > 9_900  # but for full buckets
        assert set(there) <= {f"10.0.{i >> 8}.{i & 255}/32" for i in range(10_000)}
        assert "entries of " in fine("entries", "-e", host.socket).splitlines()[0]


@pytest.mark.parametrize("action", ["allow", "inspect", "drop", "reset", "refuse"])
def test_entries_have_every_action(host, action):
    fine("entries", "add", "203.0.113.8", "--action", action, "-e", host.socket)
    engine, = fine_json("entries", "-e", host.socket)["engines"]
    assert {one["prefix"]: one["action"] for one in engine["entries"]}["203.0.113.8/32"] == action
    assert action in fine("entries", "--help")
    fine("entries", "remove", "203.0.113.8", "-e", host.socket)


def test_entry_that_is_not_there_cannot_be_removed(host):
    assert "203.0.113.9/32" in bad_input("entries", "remove", "203.0.113.9", "-e", host.socket)


def test_entry_of_another_length_is_refused_by_the_engine(host):
    said = bad_input("entries", "add", "203.0.112.0/23", "-e", host.socket)
    assert host.socket in said
    assert len(said.splitlines()) == 1
    run = postern("entries", "add", "203.0.112.0/23", "-e", host.socket, "-j")
    assert json.loads(run.stdout)["engines"][0]["error"]


def test_something_that_is_no_engine(tmp_path):
    path = tmp_path / "file.sock"
    path.write_text("")
    assert str(path) in bad_input("stats", "-e", path)
