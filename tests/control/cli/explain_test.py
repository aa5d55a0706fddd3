# SPDX-License-Identifier: BSD-3-Clause
"""`postern explain` on an address in overlapping lists, protected, accredited and unlisted."""

import os
import time

import pytest

from postern_program import POLICY, EngineHost, bad_input, fine, fine_json, postern, write_site


@pytest.fixture(name="policy")
def write_policy(tmp_path):
    return write_site(tmp_path)


def explain(policy, *arguments):
    return fine_json("explain", *arguments, "--policy", policy)


def verdicts(explanation):
    return {one["service"]: (one["verdict"], one["reason"]) for one in explanation["services"]}


def test_every_list_of_an_overlap_is_named_with_its_line(policy):
    out = explain(policy, "203.0.113.130")
    assert [(one["list"], os.path.basename(one["file"]), one["line"], one["range"], one["category"])
            for one in out["lists"]] == [
        ("dynamic", "dynamic.netset", 2, "203.0.113.0/24", "dynamic"),
        ("hijacked", "drop.json", 1, "203.0.113.128/25", "hijacked")]
    assert out["lists"][0]["contact"] == "https://postmaster.example.net/"
    assert out["lists"][0]["expires"] is None
    assert out["lists"][1]["expires"] == out["lists"][1]["modified"] + 7 * 86400
    assert out["protected"] is False


def test_the_first_rule_that_matches_decides(policy):
    out = explain(policy, "203.0.113.130")
    assert verdicts(out) == {"mx": ("drop", "rule-drop"), "submission": ("drop", "rule-drop")}
    assert [(one["line"], one["rule"]) for one in out["services"]] == [
        (11, "drop list hijacked"), (15, "drop category hijacked")]


def test_to_shows_only_what_it_reaches(policy):
    out = explain(policy, "2001:db8:dead::7", "--to", "2001:db8:25::25")
    assert verdicts(out) == {"mx": ("reset", "rule-reset")}
    out = explain(policy, "203.0.113.7", "--to", "192.0.2.77")
    assert out["services"] == []


def test_dynamic_source(policy):
    out = explain(policy, "203.0.113.7")
    assert verdicts(out) == {"mx": ("reset", "rule-reset"), "submission": ("allow", "no-rule")}
    assert out["services"][1]["rule"] is None


def test_an_ipv4_address_may_come_in_its_ipv6_clothes(policy):
    mapped, plain = explain(policy, "::ffff:203.0.113.7"), explain(policy, "203.0.113.7")
    assert mapped["address"] == "203.0.113.7"
    assert [mapped[key] for key in ("lists", "services")] == [plain[key] for key in ("lists", "services")]


def test_accredited_goes_first(policy):
    assert verdicts(explain(policy, "203.0.113.200"))["mx"] == ("allow", "rule-allow")


def test_protected_source_is_never_stopped(policy):
    out = explain(policy, "192.0.2.7")
    assert out["protected"] is True
    assert out["protect_line"] == 4
    assert set(verdicts(out).values()) == {("allow", "protected")}
    assert [one["list"] for one in out["lists"]] == ["dynamic"]
    assert "site.policy:4: protect" in fine("explain", "192.0.2.7", "--policy", policy)


def test_unlisted_source(policy):
    out = explain(policy, "198.18.0.1")
    assert (out["class"], out["lists"], out["protected"]) == (0, [], False)
    assert set(verdicts(out).values()) == {("allow", "no-rule")}
    assert "in no list" in fine("explain", "198.18.0.1", "--policy", policy)


def test_a_limit_is_told(tmp_path):
    policy = write_site(tmp_path, POLICY.replace(
        "connection to mx\n", "connection to mx\n    limit category dynamic 20/minute else drop\n"))
    rule = "limit category dynamic 20/minute else drop"
    services = {one["service"]: one for one in explain(policy, "203.0.113.5")["services"]}
    assert {name: one["limited"] for name, one in services.items()} == {"mx": True, "submission": False}
    limit = services["mx"]["limit"]
    assert (limit["rule"], os.path.basename(limit["file"]), limit["line"]) == (rule, "site.policy", 10)
    assert services["submission"]["limit"] is None
    said = fine("explain", "203.0.113.5", "--policy", policy)
    assert said.count(f"its attempts are counted against {limit['file']}:10: {rule}\n") == 1
    assert "counted against" not in fine("explain", "198.18.0.1", "--policy", policy)


def test_of_several_limits_the_one_that_holds_is_told(tmp_path):
    """The first that matches, those that are only observed behind the others, and of a snapshot as of its policy."""
    policy = write_site(tmp_path, POLICY.replace("connection to mx\n", """\
connection to mx
    observe limit any 5/minute else drop
    limit list hijacked 1/minute else reset
    limit category dynamic 20/minute else drop
"""))
    snapshot = tmp_path / "snapshot"
    fine("compile", "--policy", policy, "-o", snapshot)
    for address, line in (("203.0.113.130", 11), ("203.0.113.5", 12), ("198.18.0.1", 10)):
        for source in (["--policy", policy], ["--snapshot", snapshot]):
            mx, submission = fine_json("explain", address, *source)["services"]
            assert (mx["limit"]["line"], submission["limit"]) == (line, None)


def test_what_a_refused_client_reads(tmp_path):
    policy = write_site(tmp_path, POLICY.replace(
        "    reset   category dynamic\n", "    refuse  category dynamic\n"))
    line = "554 5.7.1 203.0.113.5 refused: dynamic (list dynamic); see https://postmaster.example.net/"
    told = {one["service"]: one["told"] for one in explain(policy, "203.0.113.5")["services"]}
    assert told == {"mx": line, "submission": None}
    assert f"the client reads: {line}\n" in fine("explain", "203.0.113.5", "--policy", policy)


def test_text_is_aligned(policy):
    lines = fine("explain", "203.0.113.130", "--policy", policy).splitlines()
    assert lines[0].startswith("203.0.113.130: class ")
    header = next(line for line in lines if line.startswith("list "))
    column = header.index("range")
    rows = lines[lines.index(header) + 1:lines.index(header) + 3]
    assert [row[column:].split()[0] for row in rows] == ["203.0.113.0/24", "203.0.113.128/25"]
    header = next(line for line in lines if line.startswith("service "))
    row = next(line for line in lines if line.startswith("mx "))
    assert row[header.index("decided"):].endswith("site.policy:11: drop list hijacked")


def test_policy_and_snapshot_agree(policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    fine("compile", "--policy", policy, "-o", snapshot)
    for address in ("203.0.113.130", "192.0.2.7", "198.18.0.1", "2001:db8:dead::1"):
        one, other = explain(policy, address), fine_json("explain", address, "-s", snapshot)
        for varying in ("generation", "created"):
            del one[varying], other[varying]
        assert one == other


def test_foreign_and_damaged_snapshots_are_refused(policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    fine("compile", "--policy", policy, "-o", snapshot)
    whole = snapshot.read_bytes()
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 1
    # `explain` does not read all of a file, so what it does not come by is for others to see.
    for name, content, command in (
            ("empty", b"", ["explain", "192.0.2.1"]), ("foreign", b"x" * 4096, ["explain", "192.0.2.1"]),
            ("short", whole[:-1], ["explain", "192.0.2.1"]), ("damaged", bytes(damaged), ["lists"])):
        path = tmp_path / name
        path.write_bytes(content)
        said = bad_input(*command, "--snapshot", path)
        assert str(path) in said
        assert len(said.splitlines()) == 1
    assert "absent" in bad_input("explain", "192.0.2.1", "--snapshot", tmp_path / "absent")


def test_entry_of_an_engine_is_shown_and_does_not_go_before_allow(policy, tmp_path):
    with EngineHost(tmp_path / "engine.sock") as host:
        fine("entries", "add", "198.18.0.0/24", "--reason", "talks early", "-e", host.socket)
        fine("entries", "add", "198.18.0.1", "--action", "inspect", "--reason", "odd HELO",
             "-e", host.socket)
        out = explain(policy, "198.18.0.1", "--engine", host.socket)
        assert [(one["engine"], one["prefix"], one["action"], one["reason"])
                for one in out["entries"]] == [
            (host.socket, "198.18.0.1/32", "inspect", "odd HELO")]
        assert 0 < out["entries"][0]["seconds"] <= 3600
        text = fine("explain", "198.18.0.1", "--policy", policy, "--engine", host.socket)
        assert "learned-inspect" in text
        fine("entries", "add", "203.0.113.200", "-e", host.socket)
        text = fine("explain", "203.0.113.200", "--policy", policy, "--engine", host.socket,
                    "--to", "2001:db8:25::1")
        assert "rule-allow" in text
        assert "learned-drop" not in text
        assert explain(policy, "198.18.1.1", "--engine", host.socket)["entries"] == []


def test_engine_that_is_not_there_is_named(policy, tmp_path):
    socket = tmp_path / "absent.sock"
    run = postern("explain", "192.0.2.1", "--policy", policy, "--engine", socket)
    assert run.returncode == 1
    assert str(socket) in run.stderr


def test_the_rules_in_force_in_an_engine_are_asked(policy, tmp_path):
    snapshot = tmp_path / "snapshot"
    fine("compile", "--policy", policy, "-o", snapshot)
    with EngineHost(tmp_path / "engine.sock") as host:
        said = bad_input("explain", "203.0.113.130", "--engine", host.socket)
        assert "no rules in force" in said and host.socket in said
        fine("apply", "--snapshot", snapshot, "-e", host.socket)
        fine("entries", "add", "203.0.113.130", "--reason", "talks early", "-e", host.socket)
        snapshot.unlink()  # the engine needs it no more
        engine, = fine_json("explain", "203.0.113.130", "--engine", host.socket)["engines"]
        by_file = explain(policy, "203.0.113.130", "--engine", host.socket)
        assert engine.pop("engine") == host.socket
        assert engine["entries"] == by_file["entries"] and len(engine["entries"]) == 1
        for varying in ("generation", "created"):
            del engine[varying], by_file[varying]
        assert engine == by_file
        text = fine("explain", "203.0.113.130", "--engine", host.socket, "--to", "2001:db8:25::25")
        assert f"in force in {host.socket}, generation " in text
        assert "drop list hijacked" in text and "talks early" in text and "drop.json:1" in text
        assert "submission" not in text
        assert "2001:db8:dead::7: class " in fine("explain", "2001:db8:dead::7", "--engine", host.socket)


def test_what_has_expired_since_decides_nothing(tmp_path):
    lists = tmp_path / "old.txt"
    lists.write_text("192.0.2.0/24\n")
    policy = tmp_path / "site.policy"
    policy.write_text('list old "old.txt" expires 1d\nservice mx 198.51.100.0/24 port 25\n'
                      "connection to mx\n    drop list old\n")
    snapshot = tmp_path / "snapshot"
    for left in (2, 60):  # seconds, to compile it and to ask; the latter for a machine that is very slow
        almost_over = time.time() - 86400 + left
        os.utime(lists, (almost_over, almost_over))
        fine("compile", "--policy", policy, "-o", snapshot)
        before = fine_json("explain", "192.0.2.1", "-s", snapshot)
        if time.time() < almost_over + 86400 - 1:
            break
    assert verdicts(before)["mx"] == ("drop", "rule-drop")
    while time.time() < almost_over + 86400:
        time.sleep(0.1)
    out = fine_json("explain", "192.0.2.1", "-s", snapshot)
    assert out["lists"][0]["standing"] == "expired"
    assert verdicts(out)["mx"] == ("allow", "no-rule")
