# SPDX-License-Identifier: BSD-3-Clause
"""Published lists, every file of POSTERN_DATA's rules folder as it is, in one policy: `compile`,
`lists`, `explain`, `diff` and `apply --dry-run` on more than a million entries."""

import lzma
import os
import pathlib
import re

import pytest

from postern_program import fine, fine_json

AT_LEAST = 1_400_000  # entries in all
SERVICE = "service mx 198.51.100.0/24\nconnection to mx\n    drop any-of-these\n"


def name_of(file):
    return file.name.split(".")[0]


def write_policy(path, files):
    lists = "".join(f'list {name_of(file)} "{file}" category published\n' for file in files)
    path.write_text(lists + SERVICE.replace("any-of-these", "category published"))
    return path


def first_address(file):
    """Of a list in whatever format; comments aside."""
    with lzma.open(file, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.startswith("#"):
                for found in re.findall(r"\d+(?:\.\d+){3}|[0-9a-fA-F:]*::", line):
                    return found
    raise AssertionError(f"{file} has no address")


def listing(account, files):
    """The names of the lists that an address is in, as the policy orders them."""
    names = {line["list"] for line in account["lists"]}
    return [name_of(file) for file in files if name_of(file) in names]


@pytest.fixture(name="files", scope="module")
def find_files():
    data = os.environ.get("POSTERN_DATA")
    if not data:
        pytest.skip("POSTERN_DATA is not set")
    return sorted(pathlib.Path(data, "rules").iterdir())


@pytest.fixture(name="snapshot", scope="module")
def compile_all(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    out = fine_json("compile", "--policy", write_policy(folder / "site.policy", files),
                    "-o", folder / "snapshot")
    assert [one["skipped"] for one in out["lists"]] == [0] * len(files)
    assert all(one["recognised"] for one in out["lists"])
    assert sum(one["entries"] for one in out["lists"]) >= AT_LEAST
    return folder / "snapshot"


def test_lists_tells_what_each_covers(files, snapshot):
    out = fine_json("lists", "--snapshot", snapshot)
    assert [one["name"] for one in out["lists"]] == [name_of(file) for file in files]
    for one in out["lists"]:
        assert one["addresses"]["v4"] + one["addresses"]["v6"] > 0, one["name"]


def test_explain_names_the_line_of_each_list(files, snapshot):
    for one in fine_json("lists", "--snapshot", snapshot)["lists"]:
        address = first_address(pathlib.Path(one["file"]))
        out = fine_json("explain", address, "--snapshot", snapshot)
        mine = [line for line in out["lists"] if line["list"] == one["name"]]
        assert mine and all(line["standing"] == "counts" for line in mine), (one["name"], address)
        service, = out["services"]
        assert service["verdict"] == "drop"
        without = [f"list {name}" for name in listing(out, files)]
        assert {"without": without, "verdict": "allow"} in service["changes"]


def test_diff_and_dry_run_show_a_list_that_goes(files, snapshot, tmp_path):
    gone = next(file for file in files if "hosting" in file.name)
    rest = write_policy(tmp_path / "less.policy", [file for file in files if file != gone])
    fine("compile", "--policy", rest, "-o", tmp_path / "less")
    change, = fine_json("diff", snapshot, tmp_path / "less")["lists"]
    covered, = (one["addresses"] for one in fine_json("lists", "--snapshot", snapshot)["lists"]
                if one["name"] == name_of(gone))
    assert (change["name"], change["after"]) == (name_of(gone), False)
    assert change["lost"]["addresses"] == covered
    dry = fine_json("apply", "--policy", rest, "--previous", snapshot, "-o", tmp_path / "out",
                    "--dry-run")
    assert dry["difference"]["lists"][0]["name"] == name_of(gone)
    assert all(one["unchanged"] for one in dry["lists"])
    assert not (tmp_path / "out").exists()
