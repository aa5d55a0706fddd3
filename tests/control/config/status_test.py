# SPDX-License-Identifier: BSD-3-Clause
"""`postern status` and the socket behind it: what postern-control says of its farm, its engines and itself while
they come and go. The real program, as an operator runs it. Environment: as program_test."""

import json
import os
import signal
import socket
import stat
import subprocess
import time

import pytest

from program_test import PATIENCE, POSTERN, Site, engine, run, say_a_bots_name
from tests.support.loopback import listens_there, wait_until


@pytest.fixture
def site(tmp_path):
    tmp_path.chmod(0o755)
    site = Site(tmp_path)
    site.status = tmp_path / "control.sock"
    yield site
    site.end()


def postern_status(site, *words):
    return subprocess.run([POSTERN, "status", "--status", site.status, *words], capture_output=True, text=True,
                          timeout=PATIENCE)


def status(site, worker=0):
    done = postern_status(site, "-j")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["workers"][worker]


def answer_to(path, octets):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(octets)
        try:
            return client.makefile("rb").read()
        except ConnectionResetError:  # it was closed with octets that nobody has read
            return b""


def test_backends_are_up_or_down_since_when_and_why(site):
    began = int(time.time())
    site.start("--status", site.status, "--farm-check", "100ms", "--farm", "127.0.0.1:9,backup,max=7")
    wait_until("both to be asked", lambda: all(b["state"] == "down" for b in status(site)["farm"]))
    first, second = status(site)["farm"]
    assert first["backend"] == f"127.0.0.1:{site.farm_port}" and not first["backup"]
    assert first["error"] == "Connection refused" and began <= first["since"] <= first["failed"] <= time.time()
    assert (second["backend"], second["backup"], second["max"]) == ("127.0.0.1:9", True, 7)
    text = postern_status(site).stdout
    assert f"127.0.0.1:{site.farm_port}" in text and " down " in text and "Connection refused" in text
    site.start_farm()
    wait_until("the first one", lambda: status(site)["farm"][0]["state"] == "up")
    first, second = status(site)["farm"]
    assert second["state"] == "down" and first["error"] == "Connection refused", "the last error stays to be seen"
    assert first["since"] >= first["failed"] - 1
    # A session that has a backend is counted, there and here.
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        stream = client.makefile("rb")
        stream.readline()
        for line in ("HELO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>"):
            client.sendall(line.encode() + b"\r\n")
            assert stream.readline().startswith(b"250 ")
        now = status(site)
        assert (now["sessions"], now["farm"][0]["connections"], now["overload"]) == (1, 1, "calm")
    assert site.stop() == 0


def test_overload_is_seen(site):
    site.start("--status", site.status, "--max-sessions", "8", "--max-sessions-per-source", "8")
    clients = [socket.create_connection(("127.0.0.1", site.port), PATIENCE) for _ in range(7)]
    wait_until("7 of 8 sessions", lambda: status(site)["overload"] == "stressed")
    assert (status(site)["sessions"], status(site)["max_sessions"]) == (7, 8)
    for client in clients:
        client.close()
    wait_until("calm", lambda: status(site)["overload"] == "calm" and status(site)["sessions"] == 0)
    assert site.stop() == 0


def test_engines_are_reached_or_not_and_what_waits_for_them(site):
    path = site.folder / "engine.sock"
    site.start("--status", site.status, "--engine", path)
    assert status(site)["engines"] == [{"engine": str(path), "state": "unknown", "since": None, "waiting": 0,
                                        "error": None, "failed": None}]
    say_a_bots_name(site)

    def now():
        return status(site)["engines"][0]

    wait_until("the entry to wait", lambda: now()["state"] == "unreached" and now()["waiting"] == 1)
    assert "No such file" in now()["error"] and now()["since"] <= now()["failed"]
    assert " unreached " in postern_status(site).stdout and "1 entry waiting" in postern_status(site).stdout
    with engine(site):
        wait_until("the engine", lambda: now()["state"] == "reached" and now()["waiting"] == 0)
        assert site.stop() == 0


def test_each_worker_answers_and_one_that_does_not_is_told(site):
    site.start("--status", site.status, "--workers", "3", "--max-sessions", "100")
    answered = json.loads(postern_status(site, "-j").stdout)
    assert [(one["worker"], one["max_sessions"]) for one in answered["workers"]] == [(0, 34), (1, 33), (2, 33)]
    assert answered["silent"] == []
    (site.folder / "control.sock.1").unlink()
    done = postern_status(site)
    assert done.returncode == 1 and "worker 1: " in done.stdout and "No such file" in done.stdout
    assert site.stop() == 0
    assert not listens_there(site.status)
    done = postern_status(site)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr


def test_what_is_asked_otherwise_gets_no_status(site):
    site.start("--status", site.status)
    assert b" 404 " in answer_to(site.status, b"GET /v1/entries HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 405 " in answer_to(site.status, b"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert answer_to(site.status, b"GET /v1/status HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n") == b""
    # Who says nothing holds one of eight places, for five seconds.
    silent = []
    for _ in range(8):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].connect(str(site.status))
    with socket.socket(socket.AF_UNIX) as ninth:
        ninth.settimeout(PATIENCE)
        ninth.connect(str(site.status))
        assert ninth.recv(1) == b"", "closed at once, or nobody would see it end"
    for one in silent:
        one.settimeout(PATIENCE)
        assert one.recv(1) == b""
        one.close()
    assert status(site)["worker"] == 0
    assert stat.S_IMODE(os.stat(site.status).st_mode) == 0o660
    assert site.stop() == 0


def test_an_upgrade_leaves_no_gap(site):
    site.start("--status", site.status, "--workers", "2")
    before = [worker["started"] for worker in json.loads(postern_status(site, "-j").stdout)["workers"]]
    time.sleep(1.1)  # they are told in whole seconds
    site.process.send_signal(signal.SIGUSR2)
    wait_until("the new workers", lambda: all(status(site, number)["started"] > before[number] for number in (0, 1)))
    assert site.stop() == 0


def test_a_group_without_a_socket_is_told():
    done = run("--farm", "x", "--snapshot", "x", "--status-group", "adm")
    assert done.returncode == 2 and "status-group is given without status" in done.stderr
