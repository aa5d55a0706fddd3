# SPDX-License-Identifier: BSD-3-Clause
"""postern-control in front of a real Postfix that is told whose mail it gets: by XCLIENT, by XFORWARD, by a
PROXY header, in plain and over TLS. The client comes through a balancer, so that its address is none of this
machine's. Environment: as program_test.py. As root, for Postfix has users of its own."""

import os
import pathlib
import pwd
import re
import socket
import subprocess
import tempfile

import pytest

from tests.control.config.program_test import PATIENCE, Site
from tests.support.loopback import free_port, listens, wait_until
from tests.support.postfix import MASTER, Postfix as PostfixInFolder

CLIENT = "192.0.2.77"


class Postfix(PostfixInFolder):
    """Delivers into a Maildir, whose Received fields say who it thinks has sent the mail."""

    def __init__(self, folder: pathlib.Path, certificate, key):
        self.box = folder / "box"
        self.box.mkdir()
        subprocess.run(["chown", "postfix:", str(self.box)], check=True)
        user = pwd.getpwnam("postfix")
        self.known, self.proxied, self.strange = free_port(), free_port(), free_port()
        super().__init__(folder / "postfix", [
            "myhostname = mail.farm.example", "smtpd_tls_loglevel = 1",
            "smtpd_relay_restrictions = reject_unauth_destination",
            "smtpd_recipient_restrictions = check_recipient_access inline:{nobody@farm.example=reject}, permit",
            "smtpd_tls_security_level = may", f"smtpd_tls_cert_file = {certificate}", f"smtpd_tls_key_file = {key}",
            "virtual_mailbox_domains = farm.example", f"virtual_mailbox_base = {self.box}",
            "virtual_mailbox_maps = static:all/", f"virtual_uid_maps = static:{user.pw_uid}",
            f"virtual_gid_maps = static:{user.pw_gid}", "virtual_minimum_uid = 1"], {
            self.known: "-o smtpd_authorized_xclient_hosts=127.0.0.0/8 -o smtpd_authorized_xforward_hosts=127.0.0.0/8",
            self.proxied: "-o smtpd_upstream_proxy_protocol=haproxy", self.strange: ""})
        self.start()

    def start(self):
        super().start()
        wait_until("postfix", lambda: listens(self.known) and listens(self.proxied))

    def mail(self):
        return [p.read_text(errors="replace") for p in sorted((self.box / "all" / "new").glob("*"))]


@pytest.fixture
def folder():
    """pytest's own is closed to other users, such as Postfix's, whenever another pytest starts."""
    if os.getuid() != 0 or not os.path.exists(MASTER):
        pytest.skip("needs root and Postfix")
    with tempfile.TemporaryDirectory(prefix="postern-postfix-", ignore_cleanup_errors=True) as made:
        path = pathlib.Path(made)
        path.chmod(0o755)
        yield path


@pytest.fixture
def site(folder):
    site = Site(folder)
    certificate, key = folder / "c.pem", folder / "k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=mail.farm.example", "-addext", "subjectAltName=DNS:mail.farm.example", "-days", "2",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    site.certificate = certificate
    site.postfix = Postfix(folder, certificate, key)
    yield site
    site.end()
    site.postfix.stop()


class Client:
    """Comes through a balancer, which says that it is CLIENT."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.replies = self.socket.makefile("rb")
        self.socket.sendall(f"PROXY TCP4 {CLIENT} 198.51.100.25 40001 25\r\n".encode())
        self.reply()

    def reply(self):
        while line := self.replies.readline().decode():
            if line[3:4] != "-":
                return line.strip()
        return ""

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def send(self, subject):
        for line in ("EHLO client.example", "MAIL FROM:<a@b.example>"):
            self.say(line)
        assert self.say("RCPT TO:<nobody@farm.example>").startswith("554 5.7.1"), "Postfix's own answer"
        assert self.say("RCPT TO:<someone@farm.example>").startswith("250 2.1.5")
        assert self.say("DATA").startswith("354")
        reply = self.say(f"Subject: {subject}\r\n\r\nHello.\r\n.")
        assert self.say("QUIT").startswith("221")
        return reply


def start(site, port, more):
    # Asked once whether it lives: its connections are counted.
    site.start("--load-balancer", "127.0.0.0/8", "--farm-ca", str(site.certificate), "--farm-check", "1h",
               farm=f"127.0.0.1:{port},{more}")
    wait_until("the backend", lambda: "farm state=available" in site.log.read_text())


@pytest.mark.parametrize("tls", ["tls=none", "tls=require", "tls=verify,tls-name=mail.farm.example"])
@pytest.mark.parametrize("how", ["xclient", "xforward", "proxy"])
def test_postfix_is_told_whose_mail_it_gets(site, how, tls):
    postfix = site.postfix
    start(site, postfix.proxied if how == "proxy" else postfix.known, f"hand-on={how},{tls}")
    for subject in ("first", "second"):
        assert re.match(r"250 2\.0\.0 Ok: queued as", Client(site.port).send(subject)), site.log.read_text()
    wait_until("the mail", lambda: len(postfix.mail()) == 2)
    log = postfix.log.read_text()
    for mail in postfix.mail():
        received = re.findall(r"^Received: (.*?)(?=^\S)", mail, re.M | re.S)
        theirs, ours = received[0], received[1]
        assert ours.startswith(f"from client.example ([{CLIENT}])"), received
        if how == "xforward":  # only its log is told
            assert "[127.0.0.1]" in theirs, received
        else:
            assert f"[{CLIENT}]" in theirs, received
        if how == "xclient":
            assert theirs.startswith(f"from client.example (unknown [{CLIENT}])"), received
        assert ("with ESMTPS" in theirs) == (tls != "tls=none"), received
    if how == "xforward":
        assert re.search(rf"client=.*\[127\.0\.0\.1\].*orig_client=unknown\[{CLIENT}\]", log), log
    else:
        assert re.search(rf"client=unknown\[{CLIENT}\]", log), log
    if tls != "tls=none":
        # The check's, and one for both clients; Postfix takes one XCLIENT a connection, and one PROXY header.
        assert log.count("TLS connection established from") == (2 if how == "xforward" else 3), log
    assert site.stop() == 0


def test_postfix_is_asked_who_receives_mail(site):
    """As the recipient directory: once for each address, and whoever asks for many unknown ones is noticed."""
    postfix = site.postfix
    main_cf = postfix.base / "config" / "main.cf"
    main_cf.write_text(main_cf.read_text().replace("virtual_mailbox_maps = static:all/",
                                                   "virtual_mailbox_maps = inline:{someone@farm.example=all/}"))
    subprocess.run(["postfix", "-c", str(postfix.base / "config"), "reload"], check=False)
    site.start("--load-balancer", "127.0.0.0/8", "--directory-backend", "yes", "--farm-check", "1h",
               farm=f"127.0.0.1:{postfix.known},hand-on=xclient")
    wait_until("the backend", lambda: "farm state=available" in site.log.read_text())
    for _ in range(2):
        client = Client(site.port)
        for line in ("EHLO client.example", "MAIL FROM:<a@b.example>"):
            client.say(line)
        assert client.say("RCPT TO:<missing@farm.example>") == "550 5.1.1 there is no such recipient here"
        assert client.say("RCPT TO:<nobody@farm.example>").startswith("554 5.7.1"), "Postfix's own answer"
        assert client.say("RCPT TO:<someone@farm.example>").startswith("250 2.1.5")
        assert client.say("DATA").startswith("354")
        assert client.say("Subject: known\r\n\r\nHello.\r\n.").startswith("250 2.0.0 Ok: queued as")
        client.say("QUIT")
    wait_until("the mail", lambda: len(postfix.mail()) == 2)
    log = postfix.log.read_text()
    assert log.count("to=<missing@farm.example>") == 1, "the second answer was kept"
    assert re.search(r"from=<> to=<missing@farm.example>", log), log
    assert site.stop() == 0


def test_a_certificate_of_somebody_else_gets_no_mail(site):
    site.start("--load-balancer", "127.0.0.0/8", "--farm-ca", str(site.certificate),
               farm=f"127.0.0.1:{site.postfix.known},tls=verify,tls-name=other.example")
    wait_until("the check", lambda: "farm state=unavailable" in site.log.read_text())
    client = Client(site.port)
    for line in ("EHLO client.example", "MAIL FROM:<a@b.example>"):
        client.say(line)
    assert client.say("RCPT TO:<someone@farm.example>").startswith("451 4.4.1")
    assert "hostname mismatch" in site.log.read_text()
    assert site.stop() == 0


def test_a_backend_that_does_not_know_us_gets_no_mail(site):
    site.start("--load-balancer", "127.0.0.0/8", farm=f"127.0.0.1:{site.postfix.strange},hand-on=xclient")
    wait_until("the check", lambda: "does not offer XCLIENT" in site.log.read_text())
    client = Client(site.port)
    for line in ("EHLO client.example", "MAIL FROM:<a@b.example>"):
        client.say(line)
    assert client.say("RCPT TO:<someone@farm.example>").startswith("451 4.4.1")
    assert not site.postfix.mail()


def test_a_backend_that_is_restarted_before_the_text(site):
    """The text comes when another Postfix has taken the place of the first: the envelope is said again."""
    postfix = site.postfix
    site.start("--load-balancer", "127.0.0.0/8", farm=f"127.0.0.1:{postfix.known},hand-on=xclient")
    wait_until("the backend", lambda: "farm state=available" in site.log.read_text())
    client = Client(site.port)
    for line in ("EHLO client.example", "MAIL FROM:<a@b.example>"):
        client.say(line)
    assert client.say("RCPT TO:<someone@farm.example>").startswith("250")
    # All of its connections end with it.
    postfix.stop()
    postfix.start()
    assert client.say("DATA").startswith("354")
    assert client.say("Subject: late\r\n\r\nHello.\r\n.").startswith("250 2.0.0 Ok: queued as")
    wait_until("the mail", lambda: len(postfix.mail()) == 1)
    assert f"[{CLIENT}]" in postfix.mail()[0]
