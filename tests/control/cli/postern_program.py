# SPDX-License-Identifier: BSD-3-Clause
"""The built `postern`, run as an operator runs it, for the tests in this folder.

POSTERN_PROGRAM names the program and ENGINE_HOST a process that serves the management API (both
are set by meson.build). A run never inherits sockets or files: every path is given by the test.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

PROGRAM = os.environ["POSTERN_PROGRAM"]
ENGINE_HOST = os.environ["ENGINE_HOST"]

FINE, BAD_INPUT, WRONG_USAGE = 0, 1, 2

POLICY = """\
list dynamic   "dynamic.netset"  category dynamic   contact "https://postmaster.example.net/"
list hijacked  "drop.json"       category hijacked  expires 7d
list partners  "partners.netset" category accredited
protect 192.0.2.0/28 2001:db8::/48

service mx         198.51.100.0/24 2001:db8:25::/64  port 25
service submission 198.51.100.0/24                   port 587

connection to mx
    allow   category accredited
    drop    list hijacked
    reset   category dynamic

connection to submission
    drop    category hijacked

message
    accept  any
"""
LISTS = {
    "dynamic.netset": "# dynamic pools\n203.0.113.0/24\n192.0.2.0/24\n2001:db8:dead::/48\n",
    "drop.json": '{"cidr":"203.0.113.128/25","sblid":"SBL1","rir":"ripencc"}\n'
                 '{"cidr":"192.0.2.128/25","sblid":"SBL2","rir":"arin"}\n'
                 '{"type":"metadata","timestamp":1700000000,"size":123,"records":2}\n',
    "partners.netset": "203.0.113.200\n",
}


def write_site(folder, policy=POLICY, **lists):
    """Writes a policy and its lists; names of lists have _ for the dot. -> path of the policy."""
    folder = pathlib.Path(folder)
    texts = dict(LISTS)
    texts.update({name.replace("_", ".", 1): text for name, text in lists.items()})
    for name, text in texts.items():
        (folder / name).write_text(text)
    path = folder / "site.policy"
    path.write_text(policy)
    return path


def postern(*arguments, stdin=None, cwd=None):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True,
                          text=not isinstance(stdin, bytes), timeout=120, check=False, cwd=cwd)


def fine(*arguments, **options):
    """-> standard output."""
    run = postern(*arguments, **options)
    assert run.returncode == FINE, run.stderr
    return run.stdout


def fine_json(*arguments, **options):
    run = postern(*arguments, "-j", **options)
    assert run.returncode == FINE, run.stderr
    return json.loads(run.stdout)


def bad_input(*arguments, **options):
    """-> standard error, of one line or more."""
    run = postern(*arguments, **options)
    assert run.returncode == BAD_INPUT, (run.returncode, run.stdout, run.stderr)
    assert run.stderr.strip(), "nothing was said"
    return run.stderr


def wrong_usage(*arguments, **options):
    """-> standard error, which is one line with a hint."""
    run = postern(*arguments, **options)
    assert run.returncode == WRONG_USAGE, (run.returncode, run.stdout, run.stderr)
    assert re.fullmatch(r"postern[a-z ]*: .+ \(try: postern[a-z ]* --help\)\n", run.stderr)
    assert run.stdout == ""
    return run.stderr


def answers(path):
    """Whether somebody listens on a socket: its name is there a moment before."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


class EngineHost:
    """A management API on a socket of its own; see engine_host.cc."""

    def __init__(self, path, *arguments):
        self.socket = str(path)
        self.process = subprocess.Popen([ENGINE_HOST, self.socket, *arguments],
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        for _ in range(1200):
            if answers(self.socket):
                return self
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read())
            time.sleep(0.05)
        raise RuntimeError("the engine host did not come up")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
