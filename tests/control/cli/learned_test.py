# SPDX-License-Identifier: BSD-3-Clause
"""`postern learned` on a file as control makes it. LEARNED_SAMPLE names the program that does
(learned_sample.cc)."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from postern_program import PROGRAM, EngineHost, bad_input, fine, fine_json, wrong_usage

SAMPLE = os.environ["LEARNED_SAMPLE"]


def write_learned(path):
    subprocess.run([SAMPLE, str(path)], check=True, timeout=60)
    return path


@pytest.fixture
def file(tmp_path):
    return write_learned(tmp_path / "learned.db")


def prefixes(file):
    return [entry["prefix"] for entry in fine_json("learned", "--file", file)["entries"]]


def test_list(file):
    out = fine("learned", "--file", file)
    assert out.startswith(f"{file}  2 entries\n")
    assert re.search(r"^  203\.0\.113\.7/32 +4\d min \d+ s  offences +3 offences in 41 s: spoke", out, re.M)
    assert re.search(r"^  2001:db8:1:2::/64 +23 h \d+ min  signature rude$", out, re.M)
    assert fine("learned", "list", "--file", file).count("\n") == 3


def test_list_as_json(file):
    document = fine_json("learned", "--file", file)
    assert list(document) == ["file", "entries"]
    entry = document["entries"][0]
    assert list(entry) == ["prefix", "learned", "expires", "rule", "reason", "evidence"]
    assert [one["id"] for one in entry["evidence"]] == ["69573a2c-1f", "69573a41-23", "69573a55-2c"]


def test_the_config_file_names_it(file, tmp_path):
    config = tmp_path / "control.conf"
    config.write_text(f"listen = 192.0.2.1:25\nlearned = {file}\nfarm = mx.example\n")
    assert fine("learned", "--config", config).startswith(f"{file}  2 entries")
    config.write_text("learned = :memory:\n")
    assert "says of no file" in bad_input("learned", "--config", config)
    assert "missing.conf" in bad_input("learned", "--config", tmp_path / "missing.conf")


def test_explain(file):
    out = fine("learned", "explain", "203.0.113.7", "--file", file)
    assert out.startswith("203.0.113.7/32: 3 offences in 41 s: spoke before the greeting (3)\n")
    assert re.search(r"^  rule +offences$", out, re.M)
    assert re.search(r"^  expires  \d{4}-\d\d-\d\dT[\d:]+Z, in 4[0-2] min", out, re.M)
    assert re.search(r"^    \d{4}-\S+Z  69573a41-23  spoke before the greeting$", out, re.M)
    assert "no learned entry covers it" in fine("learned", "explain", "203.0.113.8", "--file", file)
    within = fine_json("learned", "explain", "2001:db8:1:2:3:4:5:6", "--file", file)
    assert [entry["prefix"] for entry in within["entries"]] == ["2001:db8:1:2::/64"]
    assert within["trusted"] is None and within["removals"] == []


def test_explain_says_who_cannot_be_learned(file):
    assert "authenticated mail of good.example" in fine("learned", "explain", "198.51.100.1", "--file", file)
    assert fine_json("learned", "explain", "198.51.100.1", "--file", file)["trusted"]["domain"] == "good.example"


def test_remove(file):
    assert fine("learned", "remove", "203.0.113.7", "--file", file, "--why", "a customer's\x1b[2J") == \
        "203.0.113.7/32 removed; control takes it out of the engines\n"
    assert prefixes(file) == ["2001:db8:1:2::/64"]
    assert "there is no entry 203.0.113.7/32" in bad_input("learned", "remove", "203.0.113.7", "--file", file)
    assert fine_json("learned", "remove", "2001:db8:1:2::77", "--file", file) == {"removed": "2001:db8:1:2::/64"}
    assert prefixes(file) == []
    out = fine("learned", "explain", "203.0.113.7", "--file", file)
    assert re.search(r"^removed \S+Z 203\.0\.113\.7/32 by \S+: a customer's\\x1b\[2J$", out, re.M), out


def test_remove_from_an_engine_at_once(file, tmp_path):
    with EngineHost(tmp_path / "engine.sock") as engine:
        fine("entries", "add", "203.0.113.7", "--engine", engine.socket)
        out = fine("learned", "remove", "203.0.113.7", "--file", file, "--engine", engine.socket)
        assert f"{engine.socket}: 203.0.113.7/32 removed\n" in out
        assert fine_json("entries", "--engine", engine.socket)["engines"][0]["entries"] == []
    # An engine that is not there: the entry is gone all the same, and the exit status says so.
    assert "nobody.sock" in bad_input("learned", "remove", "2001:db8:1:2::/64", "--file", file, "--engine",
                                      tmp_path / "nobody.sock")
    assert prefixes(file) == []


def test_what_is_no_such_file(tmp_path):
    path = tmp_path / "x.db"
    assert str(path) in bad_input("learned", "--file", path)
    assert str(path) in bad_input("learned", "remove", "203.0.113.7", "--file", path)
    assert not path.exists(), "neither makes one"
    path.write_text("x" * 5000)
    assert "not a database" in bad_input("learned", "--file", path)
    path.write_text("")
    assert "it is empty" in bad_input("learned", "--file", path)


def test_who_may_only_read_reads():
    """As the user nobody where root runs the tests, who may write everything; with a program that nobody may run."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        file = write_learned(folder / "learned.db")
        file.chmod(0o444)
        program = shutil.copy(PROGRAM, folder / "postern")
        user = "nobody" if os.getuid() == 0 else None

        def run(*words):
            return subprocess.run([program, "learned", *words, "--file", file], capture_output=True, text=True,
                                  timeout=60, user=user)
        listed = run("list")
        assert listed.returncode == 0 and "  2 entries" in listed.stdout, listed
        refused = run("remove", "203.0.113.7")
        assert refused.returncode == 1 and "readonly" in refused.stderr.replace("-", ""), refused


def test_wrong_usage(file):
    assert "list, explain and remove" in wrong_usage("learned", "forget", "--file", file)
    assert "goes with remove" in wrong_usage("learned", "explain", "203.0.113.7", "--why", "x")
