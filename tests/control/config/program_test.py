# SPDX-License-Identifier: BSD-3-Clause
"""postern-control as an operator runs it: real policy, Postfix's smtp-sink as the farm, swaks as the
client, the real management API with an engine in memory. Environment: POSTERN_CONTROL, POSTERN_PROGRAM
and ENGINE_HOST name the programs (meson.build sets them)."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.support.loopback import PATIENCE, free_port, listens, listens_there, wait_until

CONTROL = os.environ["POSTERN_CONTROL"]
POSTERN = os.environ["POSTERN_PROGRAM"]
ENGINE_HOST = os.environ["ENGINE_HOST"]

POLICY = """\
list pool "pool.netset" format cidr category dynamic contact "https://postmaster.farm.example/"
service mx 127.0.0.1/32 port 25
connection to mx
    drop category dynamic
message
    {rule}
    accept any
"""


class Site:
    """A folder with a policy, a certificate and a farm, and control running on it."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self.farm_port = free_port(), free_port()
        self.running = []
        self.log = folder / "control.log"
        (folder / "pool.netset").write_text("192.0.2.0/24\n")
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        self.compile("accept dkim = pass")

    def compile(self, rule, more=""):
        (self.folder / "site.policy").write_text(POLICY.format(rule=rule) + more + "\n")
        subprocess.run([POSTERN, "compile", "--policy", self.folder / "site.policy", "-o",
                        self.folder / "site.snap"], check=True, capture_output=True)

    def start_farm(self):
        if not shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin"):
            pytest.skip("smtp-sink (package postfix) is not installed")
        words = [shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin")]
        if os.getuid() == 0:
            words += ["-u", "nobody"]
        words += ["-R", str(self.folder), "-d", "mail/%M.", f"127.0.0.1:{self.farm_port}", "100"]
        self.running.append(subprocess.Popen(words))
        wait_until("the farm", lambda: listens(self.farm_port))

    def start(self, *more, farm=None, program=CONTROL, words=(), **options):
        self.process = subprocess.Popen(
            [*(words or [program]), "--listen", f"127.0.0.1:{self.port}", "--farm", farm or f"127.0.0.1:{self.farm_port}",
             "--snapshot", self.folder / "site.snap", "--name", "mx.farm.example",
             "--resolver", "127.0.0.1@9", "--greet-pause", "0", "--spool", self.folder, *more],
            stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True, **options)
        self.running.append(self.process)
        self.ready = self.process.stdout.readline()
        assert self.ready.startswith("ready listen="), self.log.read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        assert not self.lines("system-call"), "a call that its worker was not allowed"
        return status

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()

    def lines(self, word):
        return [l for l in self.log.read_text().splitlines() if f" {word} " in l]

    def mail(self):
        return [p.read_text(errors="replace") for p in sorted((self.folder / "mail").iterdir())]


@pytest.fixture
def site(tmp_path):
    tmp_path.chmod(0o755)
    site = Site(tmp_path)
    yield site
    site.end()


def run(*words):
    return subprocess.run([CONTROL, *words], capture_output=True, text=True, timeout=PATIENCE)


def test_usage():
    assert run("--help").returncode == 0
    assert "--farm" in run("--help").stdout
    assert re.match(r"postern-control \d+\.\d+", run("--version").stdout)
    wrong = run("--nonsense")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1, wrong.stderr


def test_what_cannot_work_is_told_in_one_line(site):
    snapshot = site.folder / "site.snap"
    words = ["--farm", "127.0.0.1:1", "--listen", f"127.0.0.1:{site.port}"]
    cases = [
        (words + ["--snapshot", site.folder / "missing.snap"], "missing.snap"),
        (words + ["--snapshot", site.folder / "pool.netset"], "pool.netset"),
        (words + ["--snapshot", snapshot, "--certificate", "no.pem", "--key", "no.pem"], "no.pem"),
        (words + ["--snapshot", snapshot, "--spool", site.folder / "nowhere"], "nowhere"),
        (words + ["--snapshot", snapshot, "--user", "nosuchuser"], "nosuchuser"),
        (words + ["--snapshot", snapshot, "--reputation", site.folder / "pool.netset"], "pool.netset"),
        (words + ["--snapshot", snapshot, "--listen", "192.0.2.77:25"], "192.0.2.77"),
        (words + ["--snapshot", snapshot, "--directory-file", site.folder / "missing"], "missing"),
        (words + ["--snapshot", snapshot, "--spamtraps", site.folder / "no-traps"], "no-traps"),
        (words + ["--snapshot", snapshot, "--directory-ldap", "ldapi://%2Fx", "--directory-ldap-base",
                  "dc=x", "--directory-ldap-bind", "cn=x", "--directory-ldap-password",
                  site.folder / "no-password"], "no-password"),
    ]
    for words, named in cases:
        done = run(*map(str, words))
        assert done.returncode == 1, (words, done.stderr)
        assert named in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_mail_from_swaks_to_smtp_sink(site):
    if not shutil.which("swaks"):
        pytest.skip("swaks is not installed")
    site.start_farm()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=mx.farm.example", "-days", "2", "-keyout",
                    site.folder / "k.pem", "-out", site.folder / "c.pem"], check=True, capture_output=True)
    site.start("--certificate", site.folder / "c.pem", "--key", site.folder / "k.pem",
               "--reputation", site.folder / "reputation.db")
    for more in ([], ["--tls"], ["--pipeline"], ["--protocol", "SMTP"]):
        done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(site.port), "--from",
                               "a@b.example", "--to", "c@d.example,e@d.example", *more],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout
    # What the farm has acknowledged it may still be writing.
    wait_until("the mail", lambda: [bool(text) for text in site.mail()] == [True] * 4)
    mail = site.mail()
    assert sum("with ESMTPS (TLSv1.3" in m for m in mail) == 1
    assert sum("with SMTP\n" in m for m in mail) == 1
    assert all(re.search(r"^Authentication-Results: mx\.farm\.example;\s+dkim=none", m, re.M) for m in mail)
    assert site.stop() == 0
    messages = site.lines("message")
    assert len(messages) == 4
    for key in ("id", "client", "class", "helo", "tls", "from", "rcpts", "traps", "size", "dkim", "domain",
                "reputation", "dns", "removed", "action", "rule", "place", "reply", "seconds"):
        assert all(re.search(rf" {key}=\S", line) for line in messages), key
    assert len(site.lines("session")) == 4
    assert all(" rcpts=2 " in line and ' rule="accept any" ' in line for line in messages)


def test_a_new_snapshot_on_sighup_and_a_bad_one_changes_nothing(site):
    site.start()
    client = socket.create_connection(("127.0.0.1", site.port), PATIENCE)
    client.makefile("rb").readline()
    site.compile("reject dkim = none")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the new snapshot", lambda: "snapshot state=loaded" in site.log.read_text())
    (site.folder / "site.snap").write_text("not a snapshot")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the refusal", lambda: "snapshot state=refused" in site.log.read_text())
    client.sendall(b"NOOP\r\nQUIT\r\n")
    assert b"250 " in client.makefile("rb").read()
    assert site.stop() == 0


def test_a_replaced_snapshot_needs_no_signal(site):
    site.start()
    site.compile("reject dkim = none")
    wait_until("the new snapshot", lambda: "snapshot state=loaded" in site.log.read_text())
    (site.folder / "other").write_text("not a snapshot")
    (site.folder / "other").replace(site.folder / "site.snap")  # as one: half of it would be one refusal more
    wait_until("the refusal", lambda: "snapshot state=refused" in site.log.read_text())
    (site.folder / "site.snap").unlink()  # the one in force stays, and nothing is said
    time.sleep(2)
    site.compile("accept dkim = pass")
    wait_until("the next one", lambda: site.log.read_text().count("state=loaded") == 2)
    assert len(site.lines("snapshot")) == 3, site.lines("snapshot")
    assert site.stop() == 0


def recipients_of(site, *addresses):
    """-> what each RCPT of one message is answered; no farm is needed for those that are unknown."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        stream = client.makefile("rb")
        stream.readline()
        replies = []
        for line in ["HELO client.example", "MAIL FROM:<a@b.example>"] + [
                f"RCPT TO:<{address}>" for address in addresses]:
            client.sendall(line.encode() + b"\r\n")
            replies.append(stream.readline().decode())
    return replies[2:]


def test_unknown_recipients_are_refused_and_harvesting_is_learned(site):
    (site.folder / "recipients").write_text("user@farm.example\n")
    path = site.folder / "engine.sock"
    engine = subprocess.Popen([ENGINE_HOST, path])
    site.running.append(engine)
    wait_until("the engine", path.exists)
    site.start("--engine", path, "--directory-file", site.folder / "recipients",
               "--harvest-threshold", "5")
    tried = [f"{name}@farm.example" for name in ("ada", "bob", "carl", "ada", "dora")]
    for reply in recipients_of(site, *tried):
        assert reply.startswith("550 5.1.1 "), reply
    # Known: the farm is asked, which is not there.
    assert recipients_of(site, "User+shop@Farm.example")[0].startswith("451 4.4.1 ")
    assert not site.lines("learned")
    assert recipients_of(site, "eve@farm.example")[0].startswith("550 5.1.1 ")
    wait_until("the entry", lambda: site.lines("learned"))
    done = subprocess.run(["curl", "-s", "--unix-socket", path, "http://engine/v1/entries"],
                          capture_output=True, text=True, timeout=PATIENCE, check=True)
    entries = json.loads(done.stdout)["entries"]
    assert [e["prefix"] for e in entries] == ["127.0.0.1/32"]
    assert entries[0]["reason"].startswith("harvesting: 5 unknown recipients, 1 known in ")
    assert site.stop() == 0


def replace(path, text):
    """In one step, as a reader sees it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def test_a_replaced_recipient_file_needs_no_signal(site):
    recipients = site.folder / "recipients"
    recipients.write_text("user@farm.example\n")
    site.start("--directory-file", recipients)
    assert recipients_of(site, "new@farm.example")[0].startswith("550 5.1.1 ")
    replace(recipients, "user@farm.example\nnew@farm.example\n")
    wait_until("the new file", lambda: "recipients state=loaded" in site.log.read_text())
    assert recipients_of(site, "new@farm.example")[0].startswith("451 4.4.1 ")
    replace(recipients, "nonsense\n")
    wait_until("the refusal", lambda: "recipients state=refused" in site.log.read_text())
    assert "recipients:1:1: " in site.log.read_text()
    assert recipients_of(site, "new@farm.example")[0].startswith("451 4.4.1 ")
    # One that is all but gone was cut off, most likely. Who means it says so.
    replace(recipients, "")
    wait_until("the empty file", lambda: "0 of 2 entries are left" in site.log.read_text())
    assert recipients_of(site, "new@farm.example")[0].startswith("451 4.4.1 ")
    site.process.send_signal(signal.SIGHUP)
    wait_until("SIGHUP", lambda: "generation=3 entries=0" in site.log.read_text())
    assert recipients_of(site, "new@farm.example")[0].startswith("550 5.1.1 ")
    assert site.stop() == 0


def test_an_ldap_directory_that_is_down_rejects_nobody(site):
    words = ["--directory-ldap", "ldapi://%2Fnonexistent", "--directory-ldap-base", "dc=example"]
    site.start(*words, "--directory-unavailable", "defer")
    assert recipients_of(site, "user@farm.example")[0].startswith("451 4.4.3 ")
    assert recipients_of(site, "postmaster@farm.example")[0].startswith("451 4.4.1 ")
    assert len(site.lines("directory")) == 1, "said once"
    assert "state=unavailable" in site.lines("directory")[0]
    assert site.stop() == 0


def test_what_is_learned_reaches_a_real_api(site):
    path = site.folder / "engine.sock"
    engine = subprocess.Popen([ENGINE_HOST, path])
    site.running.append(engine)
    wait_until("the engine", lambda: listens_there(path))
    site.start("--engine", path, "--learn-for", "1h")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
            stream = client.makefile("rb")
            stream.readline()
            client.sendall(b"EHLO ylmf-pc\r\n")
            assert stream.readline().startswith(b"550 5.7.1 ")
    wait_until("the entry", lambda: site.lines("learned"))
    done = subprocess.run(["curl", "-s", "--unix-socket", path, "http://engine/v1/entries"],
                          capture_output=True, text=True, timeout=PATIENCE, check=True)
    entries = json.loads(done.stdout)["entries"]
    assert [e["prefix"] for e in entries] == ["127.0.0.1/32"]
    assert entries[0]["action"] == "drop" and "ylmf-pc" in entries[0]["reason"]
    assert site.stop() == 0


def say_a_bots_name(site, times=3):
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
            stream = client.makefile("rb")
            stream.readline()
            client.sendall(b"EHLO ylmf-pc\r\n")
            assert stream.readline().startswith(b"550 5.7.1 ")


@contextlib.contextmanager
def engine(site, name="engine.sock"):
    """A real API without packets, on a socket of its own."""
    path = site.folder / name
    process = subprocess.Popen([ENGINE_HOST, path])
    site.running.append(process)
    wait_until("the engine", lambda: listens_there(path))
    yield path
    process.terminate()
    process.wait(PATIENCE)


def entries_in(path):
    done = subprocess.run(["curl", "-s", "--unix-socket", path, "http://engine/v1/entries"],
                          capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [(e["prefix"], e["reason"]) for e in json.loads(done.stdout)["entries"]]


def postern(*words):
    return subprocess.run([POSTERN, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
                          check=True).stdout


def test_what_was_learned_survives_restarts_and_can_be_taken_back(site):
    file = site.folder / "learned.db"
    words = ["--engine", site.folder / "engine.sock", "--learned", file]
    with engine(site) as path:
        site.start(*words)
        say_a_bots_name(site)
        wait_until("the entry", lambda: entries_in(path))
        first = entries_in(path)
        assert site.stop() == 0
    # Another engine, which knows nothing, and control anew.
    with engine(site) as path:
        assert entries_in(path) == []
        site.start(*words)
        wait_until("the entry again", lambda: entries_in(path))
        assert entries_in(path) == first
        # The evidence is the sessions of the log before, by their ids.
        explained = json.loads(postern("learned", "explain", "127.0.0.1", "--file", file, "-j"))
        evidence = explained["entries"][0]["evidence"]
        assert [e["what"] for e in evidence] == ["said HELO ylmf-pc"] * 3
        assert len({e["id"] for e in evidence}) == 3
        postern("learned", "remove", "127.0.0.1", "--file", file, "--why", "a test")
        wait_until("the removal", lambda: entries_in(path) == [])
        assert [l for l in site.lines("unlearned") if ' why="a test"' in l], site.log.read_text()
        assert site.stop() == 0
    assert "0 entries" in postern("learned", "--file", file)


def test_another_policy_takes_back_what_it_would_not_let_be_learned(site):
    file = site.folder / "learned.db"
    with engine(site) as path:
        site.start("--engine", path, "--learned", file)
        say_a_bots_name(site)
        wait_until("the entry", lambda: entries_in(path))
        site.compile("accept dkim = pass", "protect 127.0.0.0/30")
        wait_until("the end of the entry", lambda: entries_in(path) == [])
        withdrawn, = site.lines("withdrawn")
        assert " source=127.0.0.1/32 why=exempt " in withdrawn, withdrawn
        assert site.stop() == 0
    assert "0 entries" in postern("learned", "--file", file)


def test_evidence_has_the_ids_of_the_log(site):
    file = site.folder / "learned.db"
    site.start("--learned", file)
    say_a_bots_name(site)
    wait_until("the sessions", lambda: len(site.lines("session")) == 3)
    assert site.stop() == 0
    explained = json.loads(postern("learned", "explain", "127.0.0.1", "--file", file, "-j"))
    logged = [re.search(r" id=(\S+)", line).group(1) for line in site.lines("session")]
    assert sorted(e["id"] for e in explained["entries"][0]["evidence"]) == sorted(logged)


def test_a_removal_while_control_is_down_reaches_the_engines_at_its_start(site):
    file = site.folder / "learned.db"
    words = ["--engine", site.folder / "engine.sock", "--learned", file]
    with engine(site) as path:
        site.start(*words)
        say_a_bots_name(site)
        wait_until("the entry", lambda: entries_in(path))
        assert site.stop() == 0
        postern("learned", "remove", "127.0.0.1", "--file", file)
        assert entries_in(path), "nobody has told it"
        site.start(*words)
        wait_until("the removal", lambda: entries_in(path) == [])
        assert site.stop() == 0


def test_a_removal_that_no_engine_has_heard_of_is_not_done_with(site):
    file = site.folder / "learned.db"
    words = ["--engine", site.folder / "engine.sock", "--learned", file]
    with engine(site) as path:
        site.start(*words)
        say_a_bots_name(site)
        wait_until("the entry", lambda: entries_in(path))
        path.rename(site.folder / "away.sock")  # nobody reaches it
        postern("learned", "remove", "127.0.0.1", "--file", file, "--why", "a test")
        wait_until("the removal", lambda: site.lines("unlearned"))
        assert site.stop() == 0
        (site.folder / "away.sock").rename(path)
        assert entries_in(path), "nobody has told it"
        site.start(*words)
        wait_until("the removal", lambda: entries_in(path) == [])
        wait_until("the word that it is gone", lambda: [l for l in site.lines("unlearned") if "outcome=removed" in l])
        assert site.stop() == 0
    # It is done with now.
    site.start(*words)
    wait_until("the file", lambda: site.lines("learned-file"))
    assert site.stop() == 0
    assert not site.lines("unlearned")


def test_a_file_of_learned_entries_that_is_none_stops_nothing(site):
    file = site.folder / "learned.db"
    file.write_text("x" * 5000)
    with engine(site) as path:
        site.start("--engine", path, "--learned", file)
        wait_until("the complaint", lambda: site.lines("learned-file"))
        say_a_bots_name(site)
        wait_until("the entry", lambda: entries_in(path))
        assert site.stop() == 0
    states = [re.search(r" state=(\w+) ", line).group(1) for line in site.lines("learned-file")]
    assert states == ["refused", "lost"], site.lines("learned-file")
    assert file.read_text() == "x" * 5000


def send_to(site, recipient):
    """One message; -> the answer to its final dot, or to what was refused before."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        stream = client.makefile("rb")
        stream.readline()
        for word in ("HELO x.example", "MAIL FROM:<a@b.example>", f"RCPT TO:<{recipient}>", "DATA",
                     "Subject: x\r\n\r\nx\r\n."):
            client.sendall(word.encode() + b"\r\n")
            answer = stream.readline().decode()
            if answer[0] not in "23":
                break
        client.sendall(b"QUIT\r\n")
        return answer


def test_spamtraps_take_mail_without_a_farm_and_are_reread(site):
    traps = site.folder / "traps"
    traps.write_text("trap@farm.example\n@old.example\n")
    site.start("--spamtraps", traps)
    for trap in ("trap@farm.example", "TRAP+x@FARM.example", "any@old.example"):
        assert send_to(site, trap).startswith("250 2.0.0 "), trap
    for other in ("user@farm.example", "postmaster@old.example"):
        assert send_to(site, other).startswith("451 4.4.1 "), other
    assert [re.search(r" rcpts=(\d+) traps=(\d+) ", line).groups() for line in site.lines("message")] == \
        [("0", "1")] * 3
    replace(traps, "new@farm.example\nother@farm.example\n")
    wait_until("the new file", lambda: "spamtraps state=loaded" in site.log.read_text())
    assert send_to(site, "new@farm.example").startswith("250 2.0.0 ")
    assert send_to(site, "trap@farm.example").startswith("451 4.4.1 ")
    assert site.stop() == 0
