# SPDX-License-Identifier: BSD-3-Clause
"""`postern names`: classes and their reasons, tables that are refused, the cache; and the same
answers as `postmap -q - pcre:FILE` of Postfix itself gives, for a table that uses all that a table
may have and for the published ones where POSTERN_DATA has them."""

import json
import lzma
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

from postern_program import bad_input, fine, fine_json, postern, wrong_usage

TABLE = """\
# names of access lines
/^[0-9.]+$/                        DUNNO
/^(dsl|pool)(-[0-9]+){4}\\./        REJECT Dynamic ($1)
if !/static/
/(^|\\.)dyn[0-9]*\\./                PREPEND X-Dynamic: yes
endif
/^vouched\\./                       OK
/^([a-z])[0-9]+\\1\\./               550 twice $1
"""


@pytest.fixture(name="table")
def write_table(tmp_path):
    (tmp_path / "site.pcre").write_text(TABLE)
    return tmp_path / "site.pcre"


def classes(*arguments, **options):
    """-> {name: class}"""
    return {one["name"]: one["class"] for one in fine_json("names", *arguments, **options)["names"]}


def test_classes(table):
    assert classes(table, "192.0.2.1", "pool-1-2-3-4.example", "a.dyn7.example", "vouched.example", "a7a.example",
                   "www.example") == {
        "192.0.2.1": "unknown", "pool-1-2-3-4.example": "dynamic", "a.dyn7.example": "dynamic",
        "vouched.example": "static", "a7a.example": "dynamic", "www.example": "unknown"}


def test_classes_have_the_names_that_are_asked_for(table):
    assert classes(table, "--class", "dialup", "--marked", "generic", "pool-1-2-3-4.example", "dyn.example") == {
        "pool-1-2-3-4.example": "dialup", "dyn.example": "generic"}


def test_exceptions(table, tmp_path):
    name = "pool-1-2-3-4.static.example"
    seen = fine_json("names", table, name)["names"][0]
    assert (seen["class"], seen["match"]["line"], seen["exception"]["file"]) == ("static", 3, "built-in")
    assert classes(table, name, "--exceptions", "none") == {name: "dynamic"}
    (tmp_path / "mine").write_text("/customer/ OK\n")
    assert classes(table, name, "pool-1-2-3-4.customer.example", "--exceptions", tmp_path / "mine") == {
        name: "dynamic", "pool-1-2-3-4.customer.example": "static"}


def test_mexico_is_no_mail_server(table):
    assert classes(table, "dsl-1-2-3-4.isp.com.mx", "dsl-1-2-3-4.mx.isp.com.mx") == {
        "dsl-1-2-3-4.isp.com.mx": "dynamic", "dsl-1-2-3-4.mx.isp.com.mx": "static"}


def test_tables_in_turn(table, tmp_path):
    (tmp_path / "more.pcre").write_text("/^192/ REJECT\n/^www/ REJECT\n/^pool/ OK\n")
    assert classes(table, "--then", tmp_path / "more.pcre", "192.0.2.1", "www.example", "pool-1-2-3-4.example") == {
        "192.0.2.1": "dynamic", "www.example": "dynamic", "pool-1-2-3-4.example": "dynamic"}


def test_text_says_why(table):
    lines = fine("names", table, "pool-1-2-3-4.example", "pool-1-2-3-4.mx.example", "www.example").splitlines()
    assert lines[0].split()[:3] == ["pool-1-2-3-4.example", "dynamic", f"{table}:3"]
    assert lines[0].endswith("REJECT Dynamic (pool)")
    assert f"an exception to {table}:3" in lines[1] and "built-in:" in lines[1]
    assert lines[2].split() == ["www.example", "unknown", "no", "pattern", "matches"]


def test_fallbacks_are_told(table):
    out = fine("names", table)
    assert "6 patterns, 1 is left to PCRE2" in out
    assert re.search(r"^ +8  /\^\(\[a-z\]\)\[0-9\]\+\\1\\\./  prefiltered  \S", out, re.MULTILINE)
    assert fine("names", table, "-v", "www.example").startswith(out)
    assert "PCRE2" not in fine("names", table, "www.example")
    told = fine_json("names", table)["tables"][0]
    assert (told["patterns"], told["fallbacks"][0]["line"], told["fallbacks"][0]["prefiltered"]) == (6, 8, True)


def test_standard_input(table):
    assert classes(table, "-", stdin="pool-1-2-3-4.example\r\n\nwww.example") == {
        "pool-1-2-3-4.example": "dynamic", "www.example": "unknown"}


def test_the_cache(table, tmp_path):
    def cached(*options):
        return [one["cached"] for one in fine_json("names", table, "--cache", tmp_path / "c", *options)["tables"]]
    assert cached() == [False, False]
    assert cached() == [True, True]
    table.write_text(TABLE + "# a comment changes nothing\n")
    assert cached() == [True, True]
    table.write_text(TABLE + "/more/ REJECT\n")
    assert cached() == [False, True]
    for file in (tmp_path / "c").iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    run = postern("names", table, "--cache", tmp_path / "c", "pool-1-2-3-4.example")
    assert run.returncode == 0 and " dynamic " in run.stdout
    assert run.stderr.count("postern names: cache: ") == 2 and "damaged" in run.stderr
    assert cached() == [True, True]
    (tmp_path / "file").write_text("")
    run = postern("names", table, "--cache", tmp_path / "file" / "c", "pool-1-2-3-4.example")
    assert run.returncode == 0 and "cache" in run.stderr


def test_bad_tables(table, tmp_path):
    assert "absent" in bad_input("names", tmp_path / "absent")
    assert str(tmp_path) in bad_input("names", tmp_path)
    table.write_text(TABLE + "/(/ REJECT\n/fine/ REJECT\nif /a/ REJECT\nendif\n/a/z REJECT\n")
    said = bad_input("names", table)
    assert re.findall(rf"^{re.escape(str(table))}:(\d+:\d+): ", said, re.MULTILINE) == ["9:3", "11:8", "13:4"]
    errors = json.loads(postern("names", table, "-j").stdout)["errors"]
    assert [(one["line"], one["column"]) for one in errors] == [(9, 3), (11, 8), (13, 4)]
    table.write_text("/a/X REJECT\n")
    run = postern("names", table, "a")
    assert run.returncode == 0 and f"{table}:1:1: " in run.stderr
    wrong_usage("names", table, "--class", "x y")


def test_hostile_names_do_not_reach_the_terminal(table):
    run = postern("names", table, "-", stdin=b"\x1b[2Jdyn.\xff\n" + b"a" * 2000 + b"\n")
    assert run.returncode == 0
    assert b"\x1b" not in run.stdout and b"\xff" not in run.stdout and b"longer than" in run.stdout
    json.loads(postern("names", table, "-", "-j", stdin=b"\x1bdyn.\xff\n").stdout)


def test_a_pattern_that_is_too_slow_is_told(tmp_path):
    (tmp_path / "slow").write_text("/^(a+)+(?=[bc])/ REJECT\n")
    run = postern("names", tmp_path / "slow", "a" * 200)
    assert run.returncode == 0
    assert "1 pattern was given up" in run.stderr
    assert fine_json("names", tmp_path / "slow", "a" * 200)["faults"] == 1


# Against Postfix.

EVERYTHING = r"""# all that a table may have
/^never$/                    REJECT not this one
/^dunno\./                   DUNNO
if /[0-9]/
/^([a-z]+)([0-9]+)\./        REJECT $2 of $(1) costs $$
if !/static/
!/\.example$/                REJECT elsewhere
/^dyn-[0-9]+\.example$/i     REJECT upper or lower? lower
if /(\w)\1/
/^(?!mail).*[0-9]$/          REJECT no mail
/aa|bb(?=c)/                 550 twice
endif
/end$/E                      REJECT at the very end
/^(?>a+)b/                   REJECT at once
endif
endif
|^/with/slashes|             REJECT slashes
/first
  second/                    REJECT with what
	continues, $$1
# and a comment

/first.second/m              REJECT any octet between
/ e x t # remark /x          REJECT extended
/anchored|also/A             REJECT anchored
/^a(.*?)b(x)?/U              REJECT ${1}, $2, as far as it goes
IF !!/zz/
~z(\d)~                      REJECT tilde $1
ENDIF
!/[a-y]/                     REJECT nothing of these
"""


def drawn(draw, pattern):
    """A text that the pattern probably matches; options and look-around are passed over."""
    parser = re._parser  # pylint: disable=protected-access
    try:
        parsed = parser.parse(pattern)
    except re.error:
        return "".join(draw.choice("ab1.-z") for _ in range(8))

    def one(operation, argument):
        what = str(operation)
        if what == "LITERAL":
            return chr(argument)
        if what == "NOT_LITERAL":
            return draw.choice([c for c in "ab01-." if ord(c) != argument])
        if what == "ANY":
            return draw.choice("abz09-.")
        if what == "IN":
            return of_set(argument)
        if what == "BRANCH":
            return every(draw.choice(argument[1]))
        if what == "SUBPATTERN":
            return every(argument[3])
        if what == "ATOMIC_GROUP":
            return every(argument)
        if what in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = argument
            return "".join(every(inner) for _ in range(draw.randint(least, min(most, least + 4))))
        return ""

    def of_set(members):
        if str(members[0][0]) == "NEGATE":
            return draw.choice("ab09-.")
        kind, value = draw.choice(members)
        if str(kind) == "RANGE":
            return chr(draw.randint(*value))
        if str(kind) == "CATEGORY":
            return draw.choice("059")
        return chr(value)

    def every(operations):
        return "".join(one(*operation) for operation in operations)

    text = every(parsed)
    if not pattern.startswith("^"):
        text = draw.choice(["", "x1."]) + text
    return text if pattern.endswith("$") else text + draw.choice(["", ".example", "7"])


def changed(draw, name):
    place = draw.randrange(len(name) + 1)
    return draw.choice([name[:place] + draw.choice("01a-.Z") + name[place:], name[:place] + name[place + 1:],
                        name.swapcase()])


def sample(text, count, seed):
    """Names for a table, all sorts, without what a line of input cannot hold, and without a final dot, which
    Postfix would search, too."""
    draw = random.Random(seed)
    patterns = re.findall(r"^(?:if +)?!*(.)(.*?[^\\])\1", text, re.MULTILINE | re.IGNORECASE)
    names = ["192.0.2.1", "mail.example", "dunno.1", "first  second", "FIRST.second", "ext", "/with/slashes", "z7",
             "aa7", "bbc7", "mail aa7", "7end", "aab7", "axb", "ab", "zz1"]
    while len(names) < count:
        name = drawn(draw, draw.choice(patterns)[1])
        names += [name, changed(draw, name)]
        address = [str(draw.randrange(256)) for _ in range(4)]
        names.append(draw.choice(["dsl-{}.isp.example", "{}.pool.isp.com.mx", "static{}.isp.example", "h{}.net"]).format(
            draw.choice("-._").join(address)))
    return [name for name in dict.fromkeys(names) if name and name.isascii() and name.isprintable()
            and name == name.strip() and len(name) <= 1000 and not name.endswith(".")]


@pytest.fixture(name="postmap")
def find_postmap(tmp_path):
    program = shutil.which("postmap", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        pytest.skip("postfix is not installed")
    (tmp_path / "postfix").mkdir()
    (tmp_path / "postfix" / "main.cf").write_text("")

    def answers(table, names):
        """-> {name: result} of those that the table has."""
        run = subprocess.run([program, "-c", tmp_path / "postfix", "-q", "-", f"pcre:{table}"], text=True, check=False,
                             input="".join(name + "\n" for name in names), capture_output=True, timeout=120)
        if "unsupported dictionary type" in run.stderr:
            pytest.skip("postfix-pcre is not installed")
        assert run.returncode in (0, 1), run.stderr
        return dict(line.split("\t", 1) for line in run.stdout.splitlines()), run.stderr
    return answers


def agree(table, names, postmap):
    """-> how many names have a result; which is the same for both."""
    theirs, said = postmap(table, names)
    seen = fine_json("names", table, "-", "--exceptions", "none", stdin="".join(name + "\n" for name in names))
    assert seen["faults"] == 0
    ours = {one["name"]: one["match"]["result"] for one in seen["names"] if one["match"]}
    assert len(seen["names"]) == len(names)
    assert ours == theirs, said
    return len(ours)


def test_postfix_agrees_on_everything(tmp_path, postmap):
    (tmp_path / "all.pcre").write_text(EVERYTHING)
    names = sample(EVERYTHING, 6000, 1)
    found = agree(tmp_path / "all.pcre", names, postmap)
    assert len(names) > 3000 and found > 1000


@pytest.mark.parametrize("name, count, least", [
    ("fqrdns.pcre.xz", 8000, 2000), ("fqrdns-plus.pcre", 4000, 800), ("fqrdns-max.pcre", 2000, 300)])
def test_postfix_agrees_on_published_tables(tmp_path, postmap, name, count, least):
    data = os.environ.get("POSTERN_DATA")
    if not data:
        pytest.skip("POSTERN_DATA is not set")
    packed = (pathlib.Path(data) / "rdns" / name).read_bytes()
    text = (lzma.decompress(packed) if name.endswith(".xz") else packed).decode()
    (tmp_path / "table.pcre").write_text(text)
    assert agree(tmp_path / "table.pcre", sample(text, count, 2), postmap) >= least
