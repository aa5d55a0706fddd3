# SPDX-License-Identifier: BSD-3-Clause
"""`postern check` and `postern compile` on good and bad policies and lists."""

import json

from postern_program import POLICY, bad_input, fine, fine_json, postern, write_site


def test_check_says_what_each_list_holds(tmp_path):
    out = fine("check", "--policy", write_site(tmp_path))
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["list", "format", "entries", "skipped", "file"]
    assert ["dynamic", "cidr", "(recognised)", "3", "0"] in [row[:5] for row in rows]
    assert ["hijacked", "drop", "(recognised)", "2", "0"] in [row[:5] for row in rows]
    assert "compiled in " in out
    assert "2 services, 4 connection rules, 1 message rule" in out


def test_check_as_json(tmp_path):
    path = write_site(tmp_path)
    out = fine_json("check", "--policy", path)
    assert out["policy"] == str(path)
    assert [(one["name"], one["entries"], one["skipped"]) for one in out["lists"]] == [
        ("dynamic", 3, 0), ("hijacked", 2, 0), ("partners", 1, 0)]
    assert out["warnings"] == []
    assert (out["services"], out["connection_rules"], out["message_rules"]) == (2, 4, 1)


def test_bad_list_line_is_a_warning_with_its_place(tmp_path):
    path = write_site(tmp_path, dynamic_netset="203.0.113.0/24\nnot an address\n192.0.2.0/24\n")
    run = postern("check", "--policy", path)
    assert run.returncode == 0
    assert "dynamic.netset:2:" in run.stderr
    out = fine_json("check", "--policy", path)
    assert out["lists"][0]["entries"] == 2
    assert out["lists"][0]["skipped"] == 1
    assert out["warnings"][0]["line"] == 2
    assert out["warnings"][0]["file"].endswith("dynamic.netset")


def test_strict_refuses_the_list(tmp_path):
    path = write_site(tmp_path, dynamic_netset="203.0.113.0/24\nnot an address\n192.0.2.0/24\n")
    assert "dynamic.netset:2:" in bad_input("check", "--policy", path, "--strict")


def test_bad_policy_is_refused_with_line_column_and_caret(tmp_path):
    path = write_site(tmp_path, POLICY.replace("drop    list hijacked", "drop    list absent"))
    said = bad_input("check", "--policy", path)
    assert f"{path}:11:18: " in said
    assert "\n" + "  " + " " * 17 + "^" in said


def test_the_caret_lines_up_behind_tabs_and_names_are_shown(tmp_path):
    path = write_site(tmp_path, POLICY.replace("    drop    list hijacked", "\tdrop\tlist gr\u00f6\u00dfe"))
    said = bad_input("check", "--policy", path).splitlines()
    assert f"{path}:11:12: " in said[0] and '"gr\u00f6\u00dfe"' in said[0]
    assert said[1:3] == ["  \tdrop\tlist gr\u00f6\u00dfe", "  \t    \t     ^"]


def test_a_policy_that_says_nothing_is_refused(tmp_path):
    snapshot = tmp_path / "snapshot"
    for text in ("", "\n\n", "# list dynamic \"dynamic.netset\"\n"):
        path = write_site(tmp_path, text)
        for command in (("check",), ("compile", "-o", snapshot)):
            said = bad_input(*command, "--policy", path)
            assert str(path) in said and "says nothing" in said
    assert not snapshot.exists()


def test_a_policy_without_a_service_is_warned_about(tmp_path):
    path = write_site(tmp_path, POLICY[:POLICY.index("service mx")])
    run = postern("check", "--policy", path)
    assert run.returncode == 0
    assert f"{path}: " in run.stderr and "no service" in run.stderr
    assert len(fine_json("check", "--policy", path)["warnings"]) == 1


def test_bad_policy_as_json(tmp_path):
    path = write_site(tmp_path, "service\n")
    run = postern("check", "--policy", path, "-j")
    assert run.returncode == 1
    error = json.loads(run.stdout)["errors"][0]
    assert error["file"] == str(path)
    assert error["line"] == 1
    assert error["message"]


def test_missing_files_are_named(tmp_path):
    assert "absent.policy" in bad_input("check", "--policy", tmp_path / "absent.policy")
    path = write_site(tmp_path)
    (tmp_path / "dynamic.netset").unlink()
    assert "dynamic.netset" in bad_input("check", "--policy", path)


def test_lists_that_cannot_be_meant_are_refused(tmp_path):
    for text in ("", "0.0.0.0/0\n", "<html><body>Too many requests</body></html>\n"):
        path = write_site(tmp_path, dynamic_netset=text)
        assert "dynamic.netset" in bad_input("check", "--policy", path)


def test_check_writes_nothing(tmp_path):
    path = write_site(tmp_path)
    before = sorted(tmp_path.iterdir())
    fine("check", "--policy", path)
    assert sorted(tmp_path.iterdir()) == before


def test_compile_writes_a_snapshot_that_explain_takes(tmp_path):
    path, snapshot = write_site(tmp_path), tmp_path / "snapshot"
    out = fine("compile", "--policy", path, "-o", snapshot)
    assert f"{snapshot}: generation " in out
    # An address that Spamhaus lists: so the compiled rules are the ones of this policy.
    assert "hijacked" in fine("explain", "203.0.113.130", "--snapshot", snapshot)


def test_compile_as_json(tmp_path):
    path, snapshot = write_site(tmp_path), tmp_path / "snapshot"
    out = fine_json("compile", "--policy", path, "-o", snapshot)
    assert out["snapshot"] == str(snapshot)
    assert out["bytes"] == snapshot.stat().st_size
    assert out["generation"] > 0
    assert len(out["lists"]) == 3


def test_a_later_compilation_has_a_later_generation(tmp_path):
    path, snapshot = write_site(tmp_path), tmp_path / "snapshot"
    first = fine_json("compile", "--policy", path, "-o", snapshot)["generation"]
    assert fine_json("compile", "--policy", path, "-o", snapshot)["generation"] > first


def test_a_failing_compilation_leaves_the_file_alone(tmp_path):
    path, snapshot = write_site(tmp_path), tmp_path / "snapshot"
    fine("compile", "--policy", path, "-o", snapshot)
    before = snapshot.read_bytes()
    write_site(tmp_path, dynamic_netset="")
    bad_input("compile", "--policy", path, "-o", snapshot, "--previous", "none")
    assert snapshot.read_bytes() == before


def test_previous_keeps_the_last_good_list(tmp_path):
    path, first, second = write_site(tmp_path), tmp_path / "first", tmp_path / "second"
    fine("compile", "--policy", path, "-o", first)
    write_site(tmp_path, dynamic_netset="")
    run = postern("compile", "--policy", path, "-o", second, "--previous", first)
    assert run.returncode == 0, run.stderr
    assert "dynamic.netset" in run.stderr
    assert "the last good one stays" in run.stdout
    assert "dynamic" in fine("explain", "203.0.113.7", "--snapshot", second)


def test_a_list_that_shrank_does_not_replace_the_one_that_is_there(tmp_path):
    policy = POLICY.replace("category dynamic ", "category dynamic max-change 50%", 1)
    assert policy != POLICY
    nets = [f"203.0.{n}.0/24\n" for n in range(100)]
    path, snapshot = write_site(tmp_path, policy, dynamic_netset="".join(nets)), tmp_path / "snapshot"
    arguments = ("compile", "--policy", path, "-o", snapshot)
    assert [one["kept_previous"] for one in fine_json(*arguments)["lists"]] == [False] * 3
    write_site(tmp_path, policy, dynamic_netset="".join(nets[:10]))
    assert [one["kept_previous"] for one in fine_json(*arguments)["lists"]] == [True, False, False]
    assert "dynamic" in fine("explain", "203.0.77.7", "--snapshot", snapshot)
    # Who means it says so.
    out = fine_json(*arguments, "--previous", "none")
    assert [one["kept_previous"] for one in out["lists"]] == [False] * 3
    assert "dynamic" not in fine("explain", "203.0.77.7", "--snapshot", snapshot).split()


def test_what_is_there_may_be_something_else(tmp_path):
    path, snapshot = write_site(tmp_path), tmp_path / "snapshot"
    snapshot.write_text("something else")
    run = postern("compile", "--policy", path, "-o", snapshot)
    assert run.returncode == 0
    assert "no last good lists are kept" in run.stderr
    assert "dynamic" in fine("explain", "203.0.113.7", "--snapshot", snapshot)


def test_snapshot_goes_where_it_may(tmp_path):
    path = write_site(tmp_path)
    said = bad_input("compile", "--policy", path, "-o", tmp_path / "absent" / "snapshot")
    assert "absent" in said
    assert len(said.splitlines()) == 1


def test_previous_has_to_be_a_snapshot(tmp_path):
    path = write_site(tmp_path)
    for previous in (tmp_path / "absent", path):
        assert str(previous) in bad_input("compile", "--policy", path, "-o", tmp_path / "s",
                                          "--previous", previous)
