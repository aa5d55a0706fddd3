# SPDX-License-Identifier: BSD-3-Clause
"""`postern diff`: what one snapshot changes against another."""

import os
import time

import pytest

from postern_program import POLICY, bad_input, fine, fine_json, write_site, wrong_usage


@pytest.fixture(name="old")
def compile_old(tmp_path):
    fine("compile", "--policy", write_site(tmp_path), "-o", tmp_path / "old")
    return tmp_path / "old"


def compile_new(folder, policy=POLICY, **lists):
    fine("compile", "--policy", write_site(folder, policy, **lists), "-o", folder / "new")
    return folder / "new"


def extent(v4=0, v6=0, prefixes_v4=0, prefixes_v6=0):
    return {"addresses": {"v4": v4, "v6": v6},
            "prefixes": {"v4": prefixes_v4, "v6": prefixes_v6}}


def test_nothing_changes(old, tmp_path):
    new = compile_new(tmp_path)
    assert fine("diff", old, new) == "nothing changes for any address or domain\n"
    out = fine_json("diff", old, new)
    assert (out["lists"], out["categories"], out["verdicts"]) == ([], [], [])
    assert out["old"]["snapshot"] == str(old)
    assert out["new"]["generation"] > out["old"]["generation"]


def test_addresses_per_list_category_and_verdict(old, tmp_path):
    new = compile_new(tmp_path, dynamic_netset="203.0.113.0/25\n192.0.2.0/24\n"
                                               "198.18.0.0/15\n2001:db8:dead::/48\n")
    out = fine_json("diff", old, new)
    change, = out["lists"]
    assert change["name"] == "dynamic"
    assert change["gained"] == extent(v4=2**17, prefixes_v4=1)
    assert change["lost"] == extent(v4=128, prefixes_v4=1)
    category, = out["categories"]
    assert (category["gained"], category["lost"]) == (change["gained"], change["lost"])
    verdict, = out["verdicts"]  # the upper half stays dropped: list hijacked has it
    assert (verdict["service"], verdict["from"]["verdict"], verdict["to"]["verdict"]) == (
        "mx", "allow", "reset")
    assert verdict["addresses"]["v4"] == 2**17
    rows = [line.split() for line in fine("diff", old, new).splitlines()]
    assert ["dynamic", "+131,072", "+1", "-128", "-1"] in rows
    assert ["mx", "allow", "->", "reset", "131,072", "1"] in rows


def test_a_rule_for_everyone_changes_every_address(old, tmp_path):
    new = compile_new(tmp_path, POLICY.replace("drop    category hijacked", "drop any"))
    verdict, = fine_json("diff", old, new)["verdicts"]
    assert verdict["service"] == "submission"
    assert verdict["addresses"]["v6"] == 2.0**128 - 2.0**80  # but for the protected /48


def test_names_that_come_and_go(old, tmp_path):
    new = compile_new(tmp_path, POLICY.replace("partners ", "friends ")
                      .replace("service submission", "service sending")
                      .replace("connection to submission", "connection to sending"))
    out = fine_json("diff", old, new)
    assert {one["name"]: (one["before"], one["after"]) for one in out["lists"]} == {
        "partners": (True, False), "friends": (False, True)}
    assert (out["services_gained"], out["services_lost"]) == (["sending"], ["submission"])
    text = fine("diff", old, new)
    assert "service sending is new" in text
    assert "service submission is gone" in text


def test_outbound_rules_and_domains(tmp_path):
    site = write_site(tmp_path, partners_netset="198.18.0.1\n")
    lists = POLICY.split("service ")[0] + 'list known "known.txt" format domains\n'
    block = "connection from list dynamic\n    allow list partners\n    drop any\n"
    (tmp_path / "known.txt").write_text("example.com\nexample.net\n")
    site.write_text(lists + block)
    fine("compile", "--policy", site, "-o", tmp_path / "old")
    (tmp_path / "known.txt").write_text("example.com\nexample.org\nexample.edu\n")
    site.write_text(lists + block.replace("allow list partners\n", "")
                    + "connection from list partners port 587\n    drop any\n")
    fine("compile", "--policy", site, "-o", tmp_path / "new")
    out = fine_json("diff", tmp_path / "old", tmp_path / "new")
    assert (out["lists"], out["verdicts"]) == ([], [])
    block, = out["outbound"]
    assert (block["name"], block["before"], block["after"]) == (
        "from list partners port 587", False, True)
    assert block["gained"]["addresses"]["v4"] > 0
    verdict, = out["outbound_verdicts"]
    assert (verdict["block"], verdict["from"]["verdict"], verdict["to"]["verdict"]) == (
        "from list dynamic port 25", "allow", "drop")
    assert out["domains"] == [
        {"name": "known", "before": True, "after": True, "gained": 2, "lost": 1}]
    rows = [line.split() for line in fine("diff", tmp_path / "old", tmp_path / "new").splitlines()]
    assert ["known", "+2", "-1"] in rows
    assert any(row[:8] == "from list dynamic port 25 allow final ->".split() for row in rows)
    assert any(row[:5] == "from list partners port 587".split() for row in rows)


def test_what_has_expired_counts_for_nothing(old, tmp_path):
    then = time.time() - 8 * 86400
    policy = write_site(tmp_path)
    os.utime(tmp_path / "drop.json", (then, then))
    fine("compile", "--policy", policy, "-o", tmp_path / "new")
    change, = fine_json("diff", old, tmp_path / "new")["lists"]
    assert (change["name"], change["lost"]["addresses"]["v4"]) == ("hijacked", 256)
    assert change["after"], "it is declared still"


def test_bad_input(old, tmp_path):
    assert "absent" in bad_input("diff", old, tmp_path / "absent")
    assert "site.policy" in bad_input("diff", tmp_path / "site.policy", old)
    wrong_usage("diff", old)
    wrong_usage("diff", old, old, old)
