# SPDX-License-Identifier: BSD-3-Clause
"""The settings of postern-control: that the documents name each of them, that those which nothing looks at are
told, and some limits as a config file sets them, by what a client then sees. Environment: as program_test."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from program_test import CONTROL, PATIENCE, Site, run
from tests.support.loopback import listens_there, wait_until

ROOT = pathlib.Path(os.environ["POSTERN_ROOT"])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.fixture
def site(tmp_path):
    tmp_path.chmod(0o755)
    site = Site(tmp_path)
    yield site
    site.end()


def settings():
    """-> all of them, by the program's own help."""
    names = re.findall(r"^  --([a-z-]+)", run("--help").stdout, re.M)
    assert len(names) > 100 and len(set(names)) == len(names)
    return names


def test_every_setting_is_documented():
    texts = [OPERATIONS, *((ROOT / "docs" / name).read_text() for name in ("outbound.md", "names.md"))]

    def is_in(name, text):
        return re.search(rf"`(--)?{name}[` \n]|^{name} += |--{name}\b", text, re.M)

    missing = [name for name in settings() if name not in ("help", "version")
               and not any(is_in(name, text) for text in texts)]
    assert not missing, missing


def test_the_documents_configs_have_no_other_settings():
    known = set(settings())
    part = OPERATIONS.split("\n## Running postern-control\n")[1].split("\n## Control's log\n")[0]
    blocks = re.findall(r"^```\n(.*?)^```", part, re.M | re.S)
    named = [name for block in blocks for name in re.findall(r"^([a-z][a-z-]*) += ", block, re.M)]
    assert len(named) > 20 and set(named) <= known, set(named) - known


def unused(text):
    lines = [line for line in text.splitlines() if " settings state=unused " in line]
    assert len(lines) <= 1, lines
    return re.search(r" names=(\S+) ", lines[0])[1].split(",") if lines else []


def test_what_only_smtp_looks_at_is_told_where_there_is_a_milter_alone(site):
    config = site.folder / "control.conf"
    config.write_text(f"snapshot = {site.folder / 'site.snap'}\nmilter = unix:{site.folder / 'milter.sock'}\n"
                      f"directory-ldap = ldapi://%2Fx\ndirectory-ldap-base = dc=x\ndirectory-ldap-bind = cn=x\n"
                      f"directory-ldap-password = {site.folder / 'no-password'}\nharvest-threshold = 5\n"
                      f"session-rate = 5/1m\nrecipient-rate = 5/1m\nnull-sender-rate = 5/1m\nerror-rate = 5/1m\n"
                      f"greet-pause = 1s\nload-balancer = 192.0.2.0/24\nspool = {site.folder / 'nowhere'}\n"
                      f"farm-check = 1m\nmax-hops = 3\ngreylist = 5m\n")
    done = run("--config", str(config), "--check")
    assert done.returncode == 0, done.stderr
    told = unused(done.stderr)
    assert sorted(told) == sorted([
        "directory-ldap", "directory-ldap-base", "directory-ldap-bind", "directory-ldap-password",
        "harvest-threshold", "session-rate", "recipient-rate", "null-sender-rate", "error-rate", "greet-pause",
        "load-balancer", "spool", "farm-check", "max-hops"])
    # What would be opened for nothing is not: neither a password nor a spool is there.
    site.process = subprocess.Popen([CONTROL, "--config", config], stdout=subprocess.PIPE,
                                    stderr=site.log.open("w"), text=True)
    site.running.append(site.process)
    assert site.process.stdout.readline().startswith("ready milter="), site.log.read_text()
    assert unused(site.log.read_text()) == told
    assert listens_there(site.folder / "milter.sock")
    assert site.stop() == 0


def test_what_only_a_milter_or_a_judge_looks_at_is_told_elsewhere(site):
    words = ["--snapshot", str(site.folder / "site.snap"), "--check", "--spool", str(site.folder)]
    smtp = run(*words, "--farm", "127.0.0.1:1", "--milter-time", "5m", "--engine-ca", "x", "--greet-pause", "0")
    assert smtp.returncode == 0 and unused(smtp.stderr) == ["engine-ca", "milter-time"], smtp.stderr
    outbound = run(*words, "--outbound", "127.0.0.1:0", "--outbound-from", "127.0.0.0/8", "--smarthost", "127.0.0.1:1",
                   "--names-contact", "mailto:a@b.example", "--greylist", "5m", "--max-hops", "3")
    assert outbound.returncode == 0 and unused(outbound.stderr) == ["greylist", "names-contact"], outbound.stderr
    # Nor is anything of it opened, and what removes claims of our own name is looked at by all.
    nothing = site.folder / "not-there"
    opened = [word for name in ("helo-patterns", "names", "spamtraps", "reputation", "known-sources", "learned",
                                "dns-silent", "directory-file", "engine")
              for word in (f"--{name}", str(nothing / name))]
    outbound = run(*words, "--outbound", "127.0.0.1:0", "--outbound-from", "127.0.0.0/8", "--smarthost", "127.0.0.1:1",
                   "--authserv-id", "mx.example", *opened)
    assert outbound.returncode == 0 and sorted(unused(outbound.stderr)) == sorted(
        word[2:] for word in opened if word.startswith("--")), outbound.stderr
    assert "state=refused" not in outbound.stderr and not nothing.exists()
    wrong = run(*words, "--outbound", "127.0.0.1:0", "--outbound-from", "127.0.0.0/8", "--smarthost", "127.0.0.1:1",
                "--greylist", "soon")
    assert wrong.returncode == 2 and "greylist" in wrong.stderr, "what is not looked at has to be right all the same"
    both = run(*words, "--farm", "127.0.0.1:1", "--milter", f"unix:{site.folder / 'm.sock'}", "--milter-time", "5m",
               "--greylist", "5m")
    assert both.returncode == 0 and unused(both.stderr) == [], both.stderr


class Client:
    def __init__(self, site):
        self.socket = socket.create_connection(("127.0.0.1", site.port), PATIENCE)
        self.stream = self.socket.makefile("rb")
        assert self.stream.readline().startswith(b"220 ")

    def say(self, *lines):
        """-> the answer to the last one."""
        for line in lines:
            self.socket.sendall(line.encode() + b"\r\n")
            while (reply := self.stream.readline())[3:4] == b"-":
                pass
        return reply.decode()


def configured(site, text):
    config = site.folder / "control.conf"
    config.write_text(text)
    site.start("--config", config)


def test_max_recipients(site):
    site.start_farm()
    configured(site, "max-recipients = 2\n")
    client = Client(site)
    assert client.say("HELO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>",
                      "RCPT TO:<e@d.example>").startswith("250 ")
    assert client.say("RCPT TO:<f@d.example>").startswith("452 4.5.3 ")
    assert site.stop() == 0


def test_max_hops(site):
    site.start_farm()
    configured(site, "max-hops = 2\n")
    for hops, answer in ((2, "250 "), (3, "554 5.4.6 ")):
        client = Client(site)
        received = "Received: from a by b; Tue, 1 Dec 2026 00:00:00 +0000\r\n" * hops
        assert client.say("HELO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA",
                          f"{received}From: a@b.example\r\n\r\nx\r\n.").startswith(answer), hops
    assert site.stop() == 0


def test_spool_total(site):
    site.start_farm()
    configured(site, "max-message = 128K\nspool-total = 128K\nspool-memory = 16K\n")
    begin = ("HELO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA")
    line = "x" * 62 + "\r\n"  # 16 of them are a KiB
    first, second = Client(site), Client(site)
    assert first.say(*begin).startswith("354 ")
    first.socket.sendall(("From: a@b.example\r\n\r\n" + line * 16 * 100).encode())
    large = f"From: a@b.example\r\n\r\n{line * 16 * 100}."
    second.say(begin[0])
    # As soon as the first one's text has been read.
    wait_until("no room", lambda: second.say(*begin[1:], large).startswith("452 4.3.1 "))
    assert first.say(".").startswith("250 ")
    assert second.say(*begin[1:], large).startswith("250 "), "there is room again"
    assert site.stop() == 0


def test_helo_patterns(site):
    patterns = site.folder / "names.txt"
    patterns.write_text("^bot-[0-9]+$\n")
    configured(site, f"helo-patterns = {patterns}\n")
    assert Client(site).say("EHLO bot-17").startswith("550 5.7.1 ")
    assert Client(site).say("EHLO ylmf-pc").startswith("250 "), "the file is instead of the built-in names"
    assert site.stop() == 0
