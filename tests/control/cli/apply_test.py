# SPDX-License-Identifier: BSD-3-Clause
"""`postern apply --dry-run`, `apply --confirm` and `confirm`, and what an apply says of the work it
was spared, against the real management API of an engine in memory."""

import time

import pytest

from postern_program import (BAD_INPUT, LISTS, EngineHost, bad_input, fine, fine_json, postern,
                             write_site, wrong_usage)


@pytest.fixture(name="host")
def run_host(tmp_path):
    with EngineHost(tmp_path / "engine.sock") as host:
        yield host


class Site:
    """A site whose policy is applied to one engine."""

    def __init__(self, folder, host):
        self.folder, self.host = folder, host
        self.policy, self.snapshot = write_site(folder), folder / "snapshot"
        self.unconfirmed = folder / "snapshot.unconfirmed"

    def change(self):
        """198.18.0.0/15 comes into a list."""
        write_site(self.folder, dynamic_netset=LISTS["dynamic.netset"] + "198.18.0.0/15\n")

    def arguments(self, *more):
        return ("apply", "--policy", self.policy, "-o", self.snapshot, *more)

    def apply(self, *more):
        return fine_json(*self.arguments("-e", self.host.socket, *more))

    def generation(self):
        return fine_json("stats", "-e", self.host.socket)["engines"][0]["generation"]

    def state(self):
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}


@pytest.fixture(name="site")
def make_site(tmp_path, host):
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder, host)


def test_dry_run_shows_the_difference_and_changes_nothing(site):
    before = site.apply()
    site.change()
    state = site.state()
    out = site.apply("--dry-run")
    assert out["against"] == {"snapshot": str(site.snapshot), "generation": before["generation"]}
    assert out["generation"] > before["generation"]
    change, = out["difference"]["lists"]
    assert (change["name"], change["gained"]["addresses"]["v4"]) == ("dynamic", 2**17)
    text = fine(*site.arguments("-n", "-e", site.host.socket))
    assert f"against {site.snapshot}: generation {before['generation']}" in text
    assert "+131,072" in text
    assert "nothing was written or loaded" in text
    assert site.state() == state
    assert site.generation() == before["generation"]


def test_dry_run_compares_with_the_engine_and_not_with_what_was_only_compiled(site):
    in_force = site.apply()
    site.change()
    elsewhere = site.folder / "elsewhere"
    fine("compile", "--policy", site.policy, "-o", elsewhere)
    out = fine_json("apply", "--policy", site.policy, "-o", elsewhere, "-n", "-e",
                    site.host.socket)
    assert out["against"]["generation"] == in_force["generation"]
    assert out["difference"]["lists"]
    out = fine_json(*site.arguments("-n", "--previous", elsewhere, "-e", site.host.socket))
    assert out["against"]["snapshot"] == str(elsewhere)
    assert out["difference"]["lists"] == []


def test_dry_run_refuses_to_compare_with_what_is_not_in_force(site):
    site.apply()
    fine("compile", "--policy", site.policy, "-o", site.snapshot)
    said = bad_input(*site.arguments("-n", "-e", site.host.socket))
    assert "are not in" in said and "--previous" in said


def test_dry_run_without_rules_in_force(site):
    out = site.apply("--dry-run")
    assert (out["against"], out["difference"]) == (None, None)
    assert "nothing to compare with" in fine(*site.arguments("-n", "-e", site.host.socket))
    assert not site.snapshot.exists()


def test_dry_run_of_bad_input(site):
    site.policy.write_text("connection to nowhere\n")
    bad_input(*site.arguments("-n", "-e", site.host.socket))


def test_confirmed_rules_take_their_place(site):
    before = site.apply()
    old = site.snapshot.read_bytes()
    site.change()
    out = site.apply("--confirm", "5m")
    assert out["snapshot"] == str(site.unconfirmed)
    assert out["confirm_seconds"] == 300
    assert site.generation() == out["generation"] > before["generation"]
    engine, = fine_json("stats", "-e", site.host.socket)["engines"]
    assert 0 < engine["unconfirmed_until"] - time.time() <= 301
    assert "unconfirmed until 20" in fine("stats", "-e", site.host.socket)
    assert site.snapshot.read_bytes() == old, "the place is untouched until it is confirmed"
    new = site.unconfirmed.read_bytes()
    confirmed = fine_json("confirm", "-e", site.host.socket)
    assert confirmed == {"snapshot": str(site.snapshot), "generation": out["generation"],
                         "engines": [{"socket": site.host.socket, "confirmed": True}]}
    assert site.snapshot.read_bytes() == new
    assert not site.unconfirmed.exists()
    assert "nothing waits" in bad_input("confirm", "-e", site.host.socket)
    # What was loaded from beside the place is found in it.
    assert site.apply("-n")["against"]["snapshot"] == str(site.snapshot)


def test_rules_that_nobody_confirms_fall_back(site):
    before = site.apply()
    old = site.snapshot.read_bytes()
    site.change()
    site.apply("--confirm", "1s")
    for _ in range(600):
        if site.generation() == before["generation"]:
            break
        time.sleep(0.05)
    assert site.generation() == before["generation"]
    assert "nothing waits" in bad_input("confirm", "-e", site.host.socket)
    assert site.snapshot.read_bytes() == old


def test_first_rules_cannot_be_unconfirmed(site):
    run = postern(*site.arguments("--confirm", "5m", "-e", site.host.socket))
    assert run.returncode == BAD_INPUT
    assert "load these confirmed" in run.stderr
    assert not site.snapshot.exists()


def test_nothing_is_confirmed_unless_all_engines_have_it(site, tmp_path):
    site.apply()
    with EngineHost(tmp_path / "other.sock") as other:
        site.change()
        new = site.apply("--confirm", "5m")
        said = bad_input("confirm", "-e", site.host.socket, "-e", other.socket)
        assert other.socket in said
        fine("apply", "--snapshot", site.snapshot, "-e", other.socket)
        assert "has other rules" in bad_input("confirm", "-e", site.host.socket, "-e",
                                              other.socket)
    assert site.unconfirmed.exists()
    assert fine_json("confirm", "-e", site.host.socket)["generation"] == new["generation"]


def test_a_snapshot_file_stays_where_it_lies(site):
    site.apply()
    site.change()
    new = site.folder / "new"
    fine("compile", "--policy", site.policy, "-o", new)
    fine("apply", "--snapshot", new, "--confirm", "5m", "-e", site.host.socket)
    assert fine_json("confirm", "-e", site.host.socket)["snapshot"] == str(new)
    assert new.exists()


def test_lists_that_did_not_change_are_not_read_again(site):
    assert [one["unchanged"] for one in site.apply()["lists"]] == [False] * 3
    out = site.apply()
    assert [one["unchanged"] for one in out["lists"]] == [True] * 3
    assert set(out["seconds"]) == {"reading", "compiling"}
    site.change()
    assert [one["unchanged"] for one in site.apply()["lists"]] == [False, True, True]
    text = fine(*site.arguments("-e", site.host.socket))
    assert "unchanged" in text
    assert "(recognised)" in text
    assert "read in " in text and "compiled in " in text


@pytest.mark.parametrize("arguments", [
    ["apply", "-n", "--confirm", "5m"], ["apply", "--confirm", "0"], ["apply", "--confirm", "2d"],
    ["apply", "--confirm", "soon"], ["apply", "--all"], ["confirm", "extra"],
])
def test_wrong_usage(arguments):
    wrong_usage(*arguments)
