# SPDX-License-Identifier: BSD-3-Clause
"""`postern lists`: what lists cover and share, and which of them add nothing."""

import os
import time

from postern_program import bad_input, fine, fine_json, write_site

LISTS = """\
list wide    "wide.netset"    category spam
list inside  "inside.netset"  category spam
list other   "other.netset"   category dynamic  weight 3
list rated   "rated.csv"      category generic  format csv
  map value >= 3  category spam weight 2
  map any ignore
"""


def write_lists(folder, **more):
    texts = {"wide_netset": "203.0.113.0/24\n198.51.100.0/25\n2001:db8::/48\n",
             "inside_netset": "203.0.113.0/26\n203.0.113.7\n",
             "other_netset": "203.0.113.0/25\n192.0.2.1\n"}
    texts.update(more)
    return write_site(folder, LISTS[:LISTS.index("list rated")], **texts)


def test_lists_as_json(tmp_path):
    out = fine_json("lists", "--policy", write_lists(tmp_path))
    wide, inside, other = out["lists"]
    assert wide["addresses"] == {"v4": 384, "v6": 2.0**80}
    assert wide["share"] == {"v4": 384 / 2**32, "v6": 2.0**(80 - 125)}
    assert wide["only_here"]["v4"] == 384 - 128
    assert (inside["entries"], inside["addresses"]) == (2, {"v4": 64, "v6": 0})
    assert inside["adds_nothing"] and inside["adds_nothing_to_category"]
    assert other["weight"] == 3
    assert (other["only_here"]["v4"], other["adds_nothing"]) == (1, False)
    assert not other["adds_nothing_to_category"]
    assert out["addresses"]["v4"] == 385
    assert [(one["lists"], one["addresses"]["v4"]) for one in out["overlaps"]] == [
        (["wide", "other"], 128), (["wide", "inside"], 64), (["inside", "other"], 64)]
    assert out["overlap_count"] == 3


def test_lists_as_text(tmp_path):
    out = fine("lists", "--policy", write_lists(tmp_path))
    rows = [line.split() for line in out.splitlines()]
    assert ["inside", "spam", "1", "2", "64", "1.49e-06%", "0"] in [row[:7] for row in rows]
    assert [row[-2:] for row in rows if row[:1] == ["inside"]][0] == ["adds", "nothing"]
    assert ["wide,", "other", "128", "33.3%", "of", "wide", "99.2%", "of", "other"] in rows
    assert "in any list: 385 IPv4 addresses" in out


def test_a_snapshot_says_the_same_as_its_policy(tmp_path):
    policy, snapshot = write_lists(tmp_path), tmp_path / "snapshot"
    fine("compile", "--policy", policy, "-o", snapshot)
    assert (fine_json("lists", "--snapshot", snapshot)["lists"]
            == fine_json("lists", "--policy", policy)["lists"])


def test_maps_make_sublists(tmp_path):
    policy = write_lists(tmp_path)
    policy.write_text(LISTS)
    (tmp_path / "rated.csv").write_text(
        "address,weight\n192.0.2.0/28,5\n192.0.2.16/28,1\n192.0.2.32/28,3\n")
    rated = fine_json("lists", "--policy", policy)["lists"][3]
    assert rated["entries"] == 3
    assert rated["addresses"]["v4"] == 32
    sublist, = [one for one in rated["sublists"] if one["entries"]]
    assert sublist["name"].startswith("map value >= 3")
    assert (sublist["category"], sublist["weight"], sublist["entries"]) == ("spam", 2, 2)
    assert sublist["addresses"]["v4"] == 32
    assert "  map value >= 3" in fine("lists", "--policy", policy)


def test_old_lists_are_marked(tmp_path):
    policy = write_lists(tmp_path)
    policy.write_text(policy.read_text()
                      .replace('"wide.netset" ', '"wide.netset" expires 1d ')
                      .replace('"other.netset" ', '"other.netset" stale after 1d keep '))
    then = time.time() - 2 * 86400
    for name in ("wide.netset", "other.netset"):
        os.utime(tmp_path / name, (then, then))
    wide, inside, other = fine_json("lists", "--policy", policy)["lists"]
    assert (wide["expired"], wide["stale"], other["expired"], other["stale"]) == (
        True, False, False, True)
    assert wide["addresses"] == {"v4": 0, "v6": 0}, "what has expired covers nothing"
    assert not wide["adds_nothing"]
    assert inside["only_here"]["v4"] == 0
    assert int(then) == wide["modified"] == wide["changed"]
    out = fine("lists", "--policy", policy)
    assert "expired, counts as empty" in out
    assert "stale" in out


def test_long_output_is_cut_unless_all_is_asked_for(tmp_path):
    names = [f"l{i}" for i in range(8)]
    policy = write_site(tmp_path, "".join(f'list {n} "dynamic.netset"\n' for n in names))
    out = fine("lists", "--policy", policy)
    assert "8 pairs more with less (--all)" in out
    assert len(fine_json("lists", "--policy", policy)["overlaps"]) == 20
    assert fine_json("lists", "--policy", policy)["overlap_count"] == 28
    assert len(fine_json("lists", "--policy", policy, "--all")["overlaps"]) == 28
    assert "--all" not in fine("lists", "--policy", policy, "-a")


def test_a_policy_without_lists(tmp_path):
    assert fine("lists", "--policy", write_site(tmp_path, "message\n  accept any\n")) == (
        "the policy has no list\n")


def test_what_is_no_snapshot_is_refused(tmp_path):
    policy = write_lists(tmp_path)
    assert str(policy) in bad_input("lists", "--snapshot", policy)
