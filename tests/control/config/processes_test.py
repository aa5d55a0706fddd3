# SPDX-License-Identifier: BSD-3-Clause
"""The processes of postern-control: a parent with privileges and workers without, several workers on one
port, what becomes of a worker that dies, and a new version that takes over while clients connect all the
time. The real program, as an operator runs it. Environment: as program_test."""

import collections
import contextlib
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

import outbound_program_test as outbound
from program_test import CONTROL, PATIENCE, Site, run
from tests.support.loopback import wait_until

SANITIZED = b"__asan_init" in pathlib.Path(CONTROL).read_bytes()
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root to have any privileges to lay down")


@pytest.fixture
def site():
    # Not pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="postern-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        site = Site(folder)
        yield site
        site.end()


def start(site, *more, **options):
    site.start("--max-sessions-per-source", "2000", "--error-rate", "0", *more, **options)


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.M))


def workers_of(site):
    pid = site.process.pid
    with contextlib.suppress(OSError):
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def sockets_of(pid):
    """-> of its descriptors, those that are sockets, by inode."""
    inodes = set()
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found = re.match(r"socket:\[(\d+)\]", os.readlink(path))
            if found:
                inodes.add(found[1])
    return inodes


def tcp_sockets(pid):
    """-> (state, inode) of those that are TCP, as its network namespace shows them; 0A listens."""
    found = set()
    inodes = sockets_of(pid)
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                found.add((fields[3], fields[9]))
    return found


class Client:
    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(source, 0))
        self.stream = self.socket.makefile("rb")
        self.greeting = self.stream.readline()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        while True:
            reply = self.stream.readline()
            if reply[3:4] != b"-":
                return reply

    def close(self):
        self.stream.close()
        self.socket.close()


def certificate(site, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", f"/CN={name}", "-days", "2", "-keyout", site.folder / "k.pem.new",
                    "-out", site.folder / "c.pem.new"], check=True, capture_output=True)
    for file in ("k.pem", "c.pem"):
        (site.folder / f"{file}.new").chmod(0o600)
    (site.folder / "c.pem.new").rename(site.folder / "c.pem")
    (site.folder / "k.pem.new").rename(site.folder / "k.pem")


def name_in_certificate(port):
    done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{port}"],
                          input="QUIT\n", capture_output=True, text=True, timeout=PATIENCE)
    return re.search(r"subject=CN ?= ?(\S+)", done.stdout)[1]


@needs_root
def test_workers_have_no_privileges_and_the_parent_no_connection(site):
    certificate(site, "first.example")  # which root alone may read
    site.start_farm()
    start(site, "--user", "nobody", "--workers", "2", "--certificate", site.folder / "c.pem",
          "--key", site.folder / "k.pem")
    nobody = pwd.getpwnam("nobody")
    workers = workers_of(site)
    assert len(workers) == 2
    for pid in workers:
        status = status_of(pid)
        assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
        assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, (kind, status[kind])
        # A build with sanitizers limits no system calls, and says so.
        limited = "0" if SANITIZED and "seccomp state=off" in site.log.read_text() else "2"
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == limited
        listening = [inode for state, inode in tcp_sockets(pid) if state == "0A"]
        assert len(listening) == 1, "its own socket, and no other's"
    client = Client(site.port)
    assert client.say("EHLO client.example").startswith(b"250")
    assert client.say("MAIL FROM:<a@b.example>").startswith(b"250")
    assert client.say("RCPT TO:<c@d.example>").startswith(b"250")
    parent = status_of(site.process.pid)
    assert parent["Uid"].split() == ["0"] * 4
    assert len(tcp_sockets(site.process.pid)) == 2
    assert {state for state, _ in tcp_sockets(site.process.pid)} == {"0A"}, "a connection of the parent"
    assert any(state == "01" for pid in workers for state, _ in tcp_sockets(pid))
    client.close()
    # Certificates of the next year: read by the parent, as the workers cannot.
    assert name_in_certificate(site.port) == "first.example"
    certificate(site, "second.example")
    wait_until("the new one", lambda: name_in_certificate(site.port) == "second.example")
    site.process.send_signal(signal.SIGHUP)
    wait_until("both", lambda: len(site.lines("certificates")) >= 4)
    assert all("state=loaded" in line or "state=refused" in line for line in site.lines("certificates"))
    assert site.stop() == 0


@needs_root
def test_keys_that_sign_are_read_by_the_parent(site):
    outbound.make_key(site, "example.org", "one")  # mode 0600, of root
    outbound.start(site, "--dkim-keys", site.folder / "keys", "--user", "nobody")
    outbound.make_key(site, "example.net", "two")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the new table", lambda: "dkim-keys state=loaded" in site.log.read_text())
    (site.folder / "one._domainkey.example.org.pem").chmod(0o644)
    site.process.send_signal(signal.SIGHUP)
    wait_until("the refusal", lambda: "dkim-keys state=refused" in site.log.read_text())
    assert "has mode 0644" in site.log.read_text()
    assert site.stop() == 0


def test_all_that_a_worker_does_is_among_its_system_calls(site):
    """Names looked up by the C library's threads, spools in files, SQLite, LDAP over a socket of each kind:
    stop() asserts that nothing was refused."""
    certificate(site, "mx.example")
    site.start_farm()
    start(site, "--certificate", site.folder / "c.pem", "--key", site.folder / "k.pem", "--spool-memory", "1K",
          "--reputation", site.folder / "r.db", "--known-sources", site.folder / "known", "--debug",
          "--directory-ldap", "ldapi://%2Fnonexistent", "--directory-ldap", "ldaps://localhost:9",
          "--directory-ldap-base", "dc=example", "--engine", "https://localhost:9", "--engine-cert",
          site.folder / "c.pem", "--engine-key", site.folder / "k.pem", "--engine-ca", site.folder / "c.pem",
          "--learn-threshold", "2", "--learned", site.folder / "learned.db", farm=f"localhost:{site.farm_port}")
    client = Client(site.port)
    for line in ("EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA",
                 "Subject: x\r\n\r\n" + "x" * 70 + ("\r\n" + "y" * 70) * 20_000 + "\r\n.", "QUIT"):
        reply = client.say(line)
        assert reply[:1] in b"23", (line[:20], reply)
    client.close()
    for _ in range(2):
        client = Client(site.port)
        assert client.say("EHLO ylmf-pc").startswith(b"550")
        client.close()
    assert name_in_certificate(site.port) == "mx.example"
    wait_until("an attempt to teach", lambda: site.lines("learn"))
    assert site.stop() == 0


@needs_root
def test_what_the_user_may_not_write_is_told_at_the_start(site):
    locked = site.folder / "locked"
    locked.mkdir(mode=0o700)
    words = ["--farm", "127.0.0.1:1", "--listen", f"127.0.0.1:{site.port}", "--snapshot",
             str(site.folder / "site.snap"), "--user", "nobody"]
    spool = ["--spool", str(site.folder)]
    for more, named in ((["--spool", str(locked)], "spool"),
                        ([*spool, "--reputation", str(locked / "r.db")], "reputation")):
        done = run(*words, *more)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith(f"postern-control: {named} {locked}"), done.stderr
        assert "user nobody" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_check_tries_settings_and_listens_nowhere(site):
    words = ["--farm", "127.0.0.1:1", "--listen", f"127.0.0.1:{site.port}", "--snapshot",
             str(site.folder / "site.snap"), "--spool", str(site.folder)]
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", site.port))
        busy.listen()
        assert run(*words, "--check").returncode == 0
        refused = run(*words)
        assert refused.returncode == 1 and "in use" in refused.stderr, refused.stderr
    (site.folder / "site.snap").write_text("nonsense")
    done = run(*words, "--check")
    assert done.returncode == 1 and "site.snap" in done.stderr


def test_check_makes_no_file(site):
    kept = {"--reputation": site.folder / "r.db", "--learned": site.folder / "learned.db",
            "--known-sources": site.folder / "known"}
    words = ["--farm", "127.0.0.1:1", "--listen", f"127.0.0.1:{site.port}", "--snapshot",
             str(site.folder / "site.snap"), "--spool", str(site.folder)]
    words += [str(word) for pair in kept.items() for word in pair]
    before = sorted(site.folder.iterdir())
    assert run(*words, "--check").returncode == 0
    assert sorted(site.folder.iterdir()) == before
    # A file that is there is tried all the same.
    kept["--reputation"].write_text("no database, and long enough to be looked at" * 100)
    done = run(*words, "--check")
    assert done.returncode == 1 and "r.db" in done.stderr, done.stderr


def worker_in_log(site, word="session"):
    return re.search(r" id=\w+-(\w+)-\w+ ", site.lines(word)[-1])[1]


def test_workers_that_share_no_file_say_so(site):
    start(site, "--workers", "2")
    assert len([l for l in site.log.read_text().splitlines() if " state=not-shared " in l]) == 2
    assert site.stop() == 0
    for more in (("--workers", "2", "--reputation", site.folder / "r.db", "--learned", site.folder / "l.db"),
                 ("--workers", "1")):
        start(site, *more)
        assert site.stop() == 0
        assert " state=not-shared " not in site.log.read_text()


def test_one_source_always_meets_the_same_worker(site):
    start(site, "--workers", "3")
    pids = {f"{pid:x}" for pid in workers_of(site)}
    met = collections.defaultdict(set)
    sources = [f"127.{random.randrange(1, 255)}.{random.randrange(256)}.9" for _ in range(24)]
    for source in [*sources, *(s[:-1] + "77" for s in sources), *sources]:
        before = len(site.lines("session"))
        client = Client(site.port, source)
        client.say("QUIT")
        client.close()
        wait_until("the session's end", lambda: len(site.lines("session")) > before)
        met[source.rsplit(".", 1)[0]].add(worker_in_log(site))
    assert all(len(workers) == 1 for workers in met.values()), met
    assert set().union(*met.values()) == pids, "a worker that meets nobody"
    assert site.stop() == 0


def test_known_sources_of_all_workers_are_in_one_file(site):
    site.start_farm()
    known = site.folder / "known"
    sources = [f"127.{n}.{n}.1" for n in range(1, 9)]
    for workers in ("3", "2"):
        start(site, "--workers", workers, "--known-sources", known)
        for source in sources[: len(sources) // 2] if workers == "3" else sources[len(sources) // 2:]:
            client = Client(site.port, source)
            for line in ("EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA",
                         "Subject: x\r\n\r\nx\r\n.", "QUIT"):
                assert client.say(line)[:1] in b"23", line
            client.close()
        assert site.stop() == 0
    assert sorted(line.split()[0] for line in known.read_text().splitlines()) == sorted(
        f"{source}/32" for source in sources)


def test_a_worker_that_dies_is_started_again_and_the_others_go_on(site):
    start(site, "--workers", "2")
    clients = [Client(site.port, f"127.{n}.0.1") for n in range(1, 17)]
    for client in clients:
        assert client.say("EHLO client.example").startswith(b"250")
    victim, other = workers_of(site)
    ours = {inode for state, inode in tcp_sockets(other) if state == "01"}
    assert 0 < len(ours) < 16
    os.kill(victim, signal.SIGKILL)
    answered = 0
    for client in clients:
        with contextlib.suppress(ConnectionError):
            answered += client.say("NOOP").startswith(b"250")
    assert answered == len(ours), "sessions of the other worker"
    wait_until("another worker", lambda: len(site.lines("worker")) == 4)
    assert "state=ended" in site.lines("worker")[2] and "signal=9" in site.lines("worker")[2]
    for n in range(1, 17):
        assert Client(site.port, f"127.{n}.0.1").greeting.startswith(b"220")
    # One that is told to end does so in order; it is replaced as well.
    os.kill(other, signal.SIGTERM)
    wait_until("another one", lambda: len(site.lines("worker")) == 6)
    assert site.stop() == 0
    assert not workers_of(site)


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' own pthread_create() comes first")
def test_a_fault_that_nobody_catches_ends_one_worker_which_is_started_again(site):
    fault = site.folder / "fault"
    (site.folder / "names.pcre").write_text("/^dyn/ REJECT\n")
    # The system calls of the test's own are none that a worker needs.
    start(site, "--workers", "2", "--names", site.folder / "names.pcre", "--seccomp", "no",
          env={**os.environ, "LD_PRELOAD": os.environ["FAILING_THREAD"], "POSTERN_FAULT": str(fault)})
    for times in (1, 2):
        before = workers_of(site)
        fault.touch()
        site.process.send_signal(signal.SIGHUP)  # each worker reads its tables, in a thread
        # The second time the one that was started anew may die: a second passes before the next.
        wait_until("another worker", lambda: len(site.lines("worker")) == 2 + 3 * times)
        failed, ended, serving = site.lines("worker")[-3:]
        assert " error worker state=failed worker=" in failed and 'error="Resource temporarily unavailable"' in failed
        assert "state=ended" in ended and ended.endswith("status=1") and "state=serving" in serving
        assert len(set(before) & set(workers_of(site))) == 1, "the other one goes on"
    for n in range(1, 17):
        assert Client(site.port, f"127.{n}.0.1").greeting.startswith(b"220")
    assert site.stop() == 0


def test_without_its_parent_no_worker_lives(site):
    start(site, "--workers", "2")
    workers = workers_of(site)
    site.process.kill()
    site.process.wait()
    wait_until("their end", lambda: not any(pathlib.Path(f"/proc/{pid}").exists() and
                                            "Z" not in status_of(pid)["State"] for pid in workers))
    start(site)
    assert site.stop() == 0


class Senders:
    """Clients that connect all the time, each message with a name of its own."""

    def __init__(self, port, count):
        self.port, self.faults, self.acknowledged = port, [], []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(n,)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def send(self, number):
        for i in range(1_000_000):
            if self.ending.is_set():
                return
            name = f"m{number}-{i}"
            try:
                client = Client(self.port, f"127.{number + 1}.0.1")
                lines = ["EHLO client.example", f"MAIL FROM:<{name}@b.example>", "RCPT TO:<c@d.example>", "DATA",
                         f"Subject: {name}\r\n\r\nx\r\n."]
                if not client.greeting.startswith(b"220"):
                    raise ConnectionError(f"greeted with {client.greeting}")
                for line in lines:
                    reply = client.say(line)
                    if reply[:1] not in b"23" or not reply:
                        self.faults.append((name, line, reply))
                        break
                else:
                    self.acknowledged.append(name)
                    client.say("QUIT")
                client.close()
            except OSError as error:
                self.faults.append((name, "", error))

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE)


def test_ten_upgrades_refuse_no_connection_and_lose_no_message(site):
    site.start_farm()
    program = site.folder / "postern-control"
    shutil.copy(CONTROL, program)
    start(site, "--workers", "2", "--known-sources", site.folder / "known", program=program)
    senders = Senders(site.port, 8)
    try:
        wait_until("mail", lambda: len(senders.acknowledged) > 50)
        for n in range(10):
            old = workers_of(site)
            # As a package does it: the new program is put in the place of the old one.
            shutil.copy(program, site.folder / "new")
            (site.folder / "new").rename(program)
            # What waits in the sockets meanwhile is served by whoever comes.
            site.process.send_signal(signal.SIGUSR2)
            line = site.process.stdout.readline()
            assert line == site.ready, site.log.read_text()[-2000:]
            wait_until("the old ones' end", lambda: not set(workers_of(site)) & set(old))
            assert len(workers_of(site)) == 2
            before = len(senders.acknowledged)
            wait_until("mail", lambda: len(senders.acknowledged) > before + 20)
    finally:
        senders.end()
    assert not senders.faults, senders.faults[:5]
    assert site.stop() == 0
    names = collections.Counter()
    for text in site.mail():
        names.update(re.findall(r"^Subject: (\S+)", text, re.M))
    assert set(names) == set(senders.acknowledged)
    assert set(names.values()) == {1}
    known = {line.split()[0] for line in (site.folder / "known").read_text().splitlines()}
    assert known == {f"127.{n + 1}.0.1/32" for n in range(8)}


def test_a_version_that_would_not_run_changes_nothing(site):
    program = site.folder / "postern-control"
    shutil.copy(CONTROL, program)
    start(site, program=program)
    workers = workers_of(site)
    (site.folder / "nonsense").write_text("nonsense")
    (site.folder / "nonsense").replace(site.folder / "site.snap")
    site.process.send_signal(signal.SIGUSR2)
    wait_until("the refusal", lambda: "state=refused status=1" in site.log.read_text())
    (site.folder / "new").write_text("#!/bin/false\n")
    (site.folder / "new").chmod(0o755)
    (site.folder / "new").rename(program)
    site.process.send_signal(signal.SIGUSR2)
    wait_until("the refusal", lambda: len(site.lines("upgrade")) == 4)
    assert workers_of(site) == workers
    assert Client(site.port).greeting.startswith(b"220"), site.log.read_text()
    assert site.stop() == 0


def test_sockets_of_systemd(site):
    """As systemd passes them: descriptor 3, and its number in the environment of that process."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", site.port))
        listening.listen()
        # It waits in the socket, whoever will serve it.
        early = socket.create_connection(("127.0.0.1", site.port), PATIENCE)
        passing = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
                   "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
                   "os.execv(sys.argv[2], sys.argv[2:])")
        words = [sys.executable, "-c", passing, str(listening.fileno()), CONTROL]
        start(site, words=words, pass_fds=[listening.fileno()])
    assert early.makefile("rb").readline().startswith(b"220")
    early.close()
    assert site.stop() == 0
