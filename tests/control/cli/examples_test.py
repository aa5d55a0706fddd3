# SPDX-License-Identifier: BSD-3-Clause
"""The examples of docs/command-line.md, run: what the document shows is what the program prints.

The document's site (its policy and lists) is that of postern_program.py, to the letter. A block
marked `console` begins with `$ postern ...`; the rest of it is the expected output, where `…` stands
for any text and runs of blanks count as one. A block marked `json` behind a `console` block that
shows only the command is the expected document, in which "…" stands for any value.
"""

import json
import os
import pathlib
import re
import shlex
import time

import pytest

import directory_test
import names_test
import replay_test
import signing_test
import verify_test
from postern_program import LISTS, POLICY, EngineHost, postern, write_site

DOCUMENT = pathlib.Path(os.environ["POSTERN_ROOT"]) / "docs" / "command-line.md"
SHOWN_SOCKET = "/run/postern/xdp.sock"
ASK_ENGINES = ("stats", "apply", "confirm", "entries")
ASK_TRAFFIC = ("drops", "capture", "top")  # of an engine that has some


def blocks():
    """-> [(kind, text)] of the fenced blocks of the document, in their order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def examples():
    """-> [(command, expected text or None, expected JSON or None)]"""
    found = []
    for kind, text in blocks():
        if kind == "console":
            command, _, output = text.partition("\n")
            assert command.startswith("$ postern "), command
            found.append([command[2:], output or None, None])
        elif kind == "json":
            assert found and found[-1][1] is None, "a json block without its command"
            found[-1][2] = json.loads(text)
    return [tuple(one) for one in found]


@pytest.fixture(name="site", scope="module")
def make_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_site(folder)
    then = time.time() - 2.5 * 3600
    for name in LISTS:
        os.utime(folder / name, (then, then))
    replay_test.write_pcap(folder / "capture.pcap", [
        replay_test.syn("203.0.113.7"), replay_test.syn("203.0.113.130"),
        replay_test.syn("203.0.113.130", flags="PA"), replay_test.syn("198.18.0.1")])
    (folder / "message.eml").write_text(verify_test.MESSAGE)
    signing_test.write_key(folder / "brisbane.pem")
    (folder / "dkim.keys").write_text("football.example.com brisbane brisbane.pem\n")
    (folder / "zone").write_text(verify_test.ZONE)
    (folder / "recipients").write_text(directory_test.RECIPIENTS)
    (folder / "site.pcre").write_text(names_test.TABLE)
    changed = tmp_path_factory.mktemp("changed")
    policy = write_site(changed, dynamic_netset=LISTS["dynamic.netset"].replace(
        "203.0.113.0/24", "203.0.113.0/25\n198.18.0.0/15"))
    assert postern("compile", "--policy", policy, "-o", folder / "changed").returncode == 0
    with EngineHost(folder / "engine.sock") as host, EngineHost(folder / "traffic.sock", "--traffic") as traffic:
        run = postern("apply", "-p", "site.policy", "-o", "traffic", "-e", traffic.socket, cwd=folder)
        assert run.returncode == 0, run.stderr
        yield folder, host.socket, traffic.socket


def matches(expected, seen):
    """Whether a JSON value is the expected one; "…" is any."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(seen, dict):
        return list(expected) == list(seen) and all(
            matches(expected[name], seen[name]) for name in expected)
    if isinstance(expected, list) and isinstance(seen, list):
        return len(expected) == len(seen) and all(map(matches, expected, seen))
    return type(expected) is type(seen) and expected == seen


def pattern_of(expected):
    parts = [re.escape(re.sub(r"[ \t]+", " ", part)) for part in expected.split("…")]
    return "[^\n]*".join(parts)


def test_the_documents_site_is_the_one_that_is_tested():
    assert [text for kind, text in blocks() if kind == "policy"] == [POLICY]
    assert [text for kind, text in blocks() if kind == "pcre"] == [names_test.TABLE]
    listed = DOCUMENT.read_text()
    for name in LISTS:
        assert f"`{name}`" in listed


@pytest.mark.parametrize("command, text, document", examples(), ids=lambda value: str(value)[:60])
def test_example(site, command, text, document):
    folder, socket, traffic = site
    words = shlex.split(command)[1:]
    if words[0] in ASK_ENGINES:
        words += ["--engine", socket]
    if words[0] in ASK_TRAFFIC:
        words += ["--engine", traffic]
    run = postern(*words, cwd=folder)
    output = (run.stdout + run.stderr).replace(socket, SHOWN_SOCKET)
    if document is not None:
        assert matches(document, json.loads(output)), output
    else:
        assert text is not None, "an example without its output"
        seen = re.sub(r"[ \t]+", " ", output)
        assert re.fullmatch(pattern_of(text), seen), output
