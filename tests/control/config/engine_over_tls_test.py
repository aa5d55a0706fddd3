# SPDX-License-Identifier: BSD-3-Clause
"""postern-control teaches an engine on another host: the real management API over TCP, with certificates on
both sides. What the engine refuses to know is no reason to stop, and is delivered later; the key needs to be
readable by the parent alone. Environment: as program_test."""

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile

import pytest

from program_test import ENGINE_HOST, PATIENCE, Site, entries_in, run, say_a_bots_name
from tests.support.certificate_authority import Authority
from tests.support.loopback import free_port, listens, wait_until


@pytest.fixture
def site():
    # Not pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="postern-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        site = Site(folder)
        site.authority = Authority(folder, "ca")
        site.api_port = free_port()
        site.url = f"https://127.0.0.1:{site.api_port}"
        yield site
        site.end()


@contextlib.contextmanager
def engine(site):
    """-> its socket on this host, to look what it knows."""
    path = site.folder / "engine.sock"
    _, certificate, _, key, _, authority = site.authority.sign("engine", "/CN=engine", "IP:127.0.0.1")
    process = subprocess.Popen([ENGINE_HOST, path, "--api-listen", f"127.0.0.1:{site.api_port}", "--api-cert",
                                certificate, "--api-key", key, "--api-ca", authority, "--api-operator",
                                "control.example.net"])
    site.running.append(process)
    wait_until("the engine", lambda: listens(site.api_port))
    yield path
    process.terminate()
    process.wait(PATIENCE)


def show(site, authority, subject):
    """Puts a certificate of that authority and its key where control has them; the key last, for itself alone."""
    _, certificate, _, key, _, _ = authority.sign("shown", subject)
    pathlib.Path(key).chmod(0o600)
    os.rename(certificate, site.folder / "control.crt")
    os.rename(key, site.folder / "control.key")


def words_of(site):
    return ["--engine", site.url, "--engine-cert", site.folder / "control.crt", "--engine-key",
            site.folder / "control.key", "--engine-ca", site.authority.certificate]


def outcomes(site):
    return [line.partition(" outcome=")[2].split()[0] for line in site.lines("learn")]


def mail_goes_on(site):
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        client.sendall(b"QUIT\r\n")
        return client.makefile("rb").read().startswith(b"220 ")


def test_an_engine_is_taught_over_tls_and_what_it_refused_is_delivered_later(site):
    as_user = ["--user", "nobody"] if os.geteuid() == 0 else []  # who may not read the key
    with engine(site) as path:
        show(site, Authority(site.folder, "other"), "/CN=control.example.net")
        site.start(*words_of(site), *as_user)
        say_a_bots_name(site)
        wait_until("the stranger's certificate to be refused", lambda: "later" in outcomes(site))
        assert mail_goes_on(site) and entries_in(path) == []
        show(site, site.authority, "/CN=somebody.example.net")
        wait_until("one that may only look", lambda: any("is a reader" in line for line in site.lines("learn")))
        assert set(outcomes(site)) == {"later"}, "who may teach can change"
        assert mail_goes_on(site) and entries_in(path) == []
        show(site, site.authority, "/CN=control.example.net")
        wait_until("the entry", lambda: entries_in(path))
        assert [prefix for prefix, _ in entries_in(path)] == ["127.0.0.1/32"]
        assert site.stop() == 0


def test_an_engine_that_is_away_is_taught_when_it_is_there(site):
    show(site, site.authority, "/CN=control.example.net")
    site.start(*words_of(site))
    say_a_bots_name(site)
    wait_until("nobody to listen", lambda: "later" in outcomes(site))
    with engine(site) as path:
        wait_until("the entry", lambda: entries_in(path))
        assert site.stop() == 0


def test_a_key_of_another_certificate_is_told_at_the_start(site):
    show(site, site.authority, "/CN=control.example.net")
    _, _, _, key, _, _ = site.authority.sign("another", "/CN=another")
    os.rename(key, site.folder / "control.key")
    done = run(*map(str, ["--farm", "127.0.0.1:1", "--snapshot", site.folder / "site.snap", *words_of(site), "--check"]))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert f"the key {site.folder / 'control.key'} cannot be used" in done.stderr
