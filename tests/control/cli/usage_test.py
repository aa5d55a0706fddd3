# SPDX-License-Identifier: BSD-3-Clause
"""Help, version and wrong usage, of `postern` itself and of every command."""

import os
import pathlib
import re
import subprocess

import pytest

from postern_program import PROGRAM, POLICY, fine, postern, wrong_usage, write_site

COMMANDS = ("check", "compile", "explain", "lists", "diff", "apply", "confirm", "fetch", "stats", "drops", "capture", "top", "entries", "learned", "status", "replay", "verify", "sign", "keygen", "names", "directory")


def test_help_names_every_command():
    out = fine("--help")
    named = re.findall(r"^  ([a-z]+)  +\S", out, re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)
    assert fine("-h") == out


def test_no_command_is_wrong_usage_and_prints_the_help():
    run = postern()
    assert run.returncode == 2
    assert run.stderr == fine("--help")


def test_version():
    assert re.fullmatch(r"postern \d+\.\d+\.\d+\n", fine("--version"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    out = fine(command, "--help")
    assert out.startswith(f"usage: postern {command} ")
    assert "-j  --json" in out
    assert all(len(line) <= 100 for line in out.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_options_are_wrong_usage(command):
    assert "--no-such-option" in wrong_usage(command, "--no-such-option")


@pytest.mark.parametrize("arguments", [
    ["frobnicate"], ["--frobnicate"], ["compile"], ["compile", "--policy", "x"], ["explain"],
    ["explain", "203.0.113.300"], ["explain", "192.0.2.1", "192.0.2.2"],
    ["explain", "192.0.2.1", "--to", "mx.example"],
    ["explain", "192.0.2.1", "--policy", "a", "--snapshot", "b"],
    ["replay"], ["replay", "x.pcap", "--port", "lan"], ["verify"],
    ["verify", "x.eml", "--time", "yesterday"], ["verify", "x.eml", "--ip", "localhost"],
    ["verify", "x.eml", "--dns", "a", "--resolver", "192.0.2.1"],
    ["sign"], ["sign", "x.eml", "--key", "a", "--keys", "b"], ["sign", "x.eml", "--selector", "s"],
    ["sign", "x.eml", "--time", "yesterday"], ["keygen"], ["keygen", "example.org"],
    ["keygen", "example", "s"], ["keygen", "example.org", "s s"],
    ["keygen", "example.org", "s", "--type", "dsa"], ["keygen", "example.org", "s", "--bits", "512"],
    ["keygen", "example.org", "s", "--type", "ed25519", "--bits", "2048"],
    ["names"], ["names", "x.pcre", "--class", "two words"], ["names", "x.pcre", "--marked", "-x"],
    ["entries", "forget"], ["entries", "add"], ["entries", "add", "203.0.113.7/24"],
    ["entries", "add", "203.0.113.7", "--action", "explode"],
    ["entries", "add", "203.0.113.7", "--for", "a while"], ["entries", "list", "203.0.113.7"],
    ["entries", "list", "--for", "1h"], ["learned", "forget"], ["learned", "explain"],
    ["learned", "explain", "x.example"], ["learned", "remove"], ["learned", "remove", "203.0.113.7/24"],
    ["learned", "list", "203.0.113.7"], ["learned", "list", "--why", "x"],
    ["learned", "--config", "x", "--file", "y"], ["entries", "remove"], ["check", "--pol", "x"],
    ["apply", "--snapshot", "s", "-o", "t", "--engine", "e"], ["check", "--policy"],
    ["directory"], ["directory", "a@b", "c@d"], ["directory", "a@b", "--config", "x", "--file", "y"],
    ["stats", "extra"], ["lists", "extra"], ["lists", "-p", "a", "-s", "b"],
])
def test_wrong_usage(arguments):
    wrong_usage(*arguments)


def test_wrong_usage_is_made_printable():
    assert "\x1b" not in wrong_usage("explain", "\x1b[2J")


def test_output_that_cannot_be_written_is_an_error(tmp_path):
    path = write_site(tmp_path, POLICY)
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run([PROGRAM, "check", "--policy", path], stdout=full,
                             stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1
    assert "cannot be written" in run.stderr


def test_every_command_is_documented():
    root = pathlib.Path(os.environ["POSTERN_ROOT"])
    text = (root / "docs" / "command-line.md").read_text()
    for command in COMMANDS:
        assert f"## `postern {command}" in text


def test_the_document_names_the_options_of_the_help():
    root = pathlib.Path(os.environ["POSTERN_ROOT"])
    text = (root / "docs" / "command-line.md").read_text()
    for command in COMMANDS:
        _, section = text.split(f"## `postern {command}`\n", 1)
        section = section.split("\n## ", 1)[0]
        options = re.findall(r"^  (-\w)? +--([a-z-]+)", fine(command, "--help"), re.MULTILINE)
        assert options
        for short, name in options:
            if name in ("cert", "key", "ca"):  # of all commands that ask engines; told once, in front
                assert f"--{name}" in text.split("\n## ", 1)[0]
            elif name not in ("json", "help"):
                assert f"--{name}" in section or short and f" {short} " in section, (command, name)
