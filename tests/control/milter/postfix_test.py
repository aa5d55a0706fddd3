# SPDX-License-Identifier: BSD-3-Clause
"""A real Postfix on loopback with postern-control as its milter, set up by the lines that
docs/operations.md gives to postmasters. What it accepts it hands to smtp-sink, where it is looked
at. As root, because Postfix drops privileges by itself."""

import os
import re
import subprocess

import pytest

from tests.control.milter.mail_peers import MESSAGE, Client, Sink, documented, named
from tests.control.milter.milter_site import DOMAIN, NAME, POSTERN, SELECTOR, Site, needs, running_site
from tests.support.loopback import free_port, listens, wait_until
from tests.support.postfix import Postfix as PostfixInFolder

REASON = needs("postfix", "smtp-sink", "nsd") or (None if os.getuid() == 0 else "needs root")
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


class Postfix:
    """chroot: its smtpd runs in one, as Debian has it; the socket is to be at `socket` then. protocol:
    another one than is documented."""

    def __init__(self, site: Site, chroot=False, protocol=None, sink=None):
        self.site, self.port, self.sink = site, free_port(), sink or Sink(site)
        protocol = protocol or documented("^milter_protocol = (.*)$")
        action = documented("^milter_default_action = (.*)$")
        socket = documented("^.*chroot.*`smtpd_milters = unix:(/.*?)`") if chroot else site.socket
        inside = PostfixInFolder(site.folder / "postfix", [
            f"myhostname = {NAME}", f"relayhost = [127.0.0.1]:{self.sink.port}", "relay_domains = farm.example",
            f"smtpd_milters = unix:{socket}", f"milter_protocol = {protocol}", f"milter_default_action = {action}",
            "smtpd_relay_restrictions = reject_unauth_destination"],
            {self.port: "-o smtpd_authorized_xclient_hosts=127.0.0.0/8"}, chroot)
        inside.start()
        self.log = inside.log
        site.running.append(inside.master)
        wait_until("postfix", lambda: listens(self.port))


@pytest.fixture
def site():
    with running_site() as site:
        site.start_dns()
        yield site


def start(site):
    site.start("--milter-group", "postfix")
    return Postfix(site)


def test_signed_mail_passes_whatever_its_spacing_and_is_marked_on_top(site):
    postfix = start(site)
    client = Client(postfix.port)
    for number, how in enumerate(((b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"simple", b"relaxed"))):
        assert client.send(site.sign(named(MESSAGE, f"no{number}"), how)).startswith("250")
        text = postfix.sink.delivered(f"no{number}")
        assert re.match(rf"Received: .*?\nAuthentication-Results: {re.escape(NAME)};\n\tdkim=pass ", text, re.S), text
        assert text.index("Authentication-Results") < text.index("DKIM-Signature")
    assert site.stop() == 0
    lines = site.lines("message")
    assert [line["dkim"] for line in lines] == ["pass"] * 3
    # Postfix's name for the message is in our log, and its log has it too.
    assert all(line["queue"] in postfix.log.read_text() for line in lines)


def test_forged_results_are_removed_and_foreign_ones_stay(site):
    postfix = start(site)
    forged = f"Authentication-Results: {NAME}; dkim=pass header.d=forged.example\r\n".encode()
    foreign = b"Authentication-Results: other.example; dkim=pass header.d=foreign.example\r\n"
    folded = f"authentication-results:\r\n\t(c) {NAME.upper()};\r\n\tspf=pass smtp.helo=forged.example\r\n".encode()
    assert Client(postfix.port).send(forged + foreign + folded + forged + named(MESSAGE, "forged"))[0] == "2"
    text = postfix.sink.delivered("forged")
    assert text.lower().count("authentication-results:") == 2 and "foreign.example" in text, text
    assert "forged.example" not in text
    assert site.stop() == 0
    assert site.lines("message")[0]["removed"] == "3"


def test_a_rejection_reaches_the_client_with_its_words(site):
    site.compile("reject category dynamic", "accept any")
    postfix = start(site)
    reply = Client(postfix.port, "192.0.2.7").send(MESSAGE)
    assert reply == ('550-5.7.1 refused by the rule "reject category dynamic", list pool (dynamic)\r\n'
                     "550 5.7.1 see https://postmaster.farm.example/?why=100%25\r\n"), reply
    assert Client(postfix.port, "198.51.100.7").send(MESSAGE).startswith("250")


def test_a_tag_is_below_the_results(site):
    site.compile("tag dkim != pass", "accept any")
    postfix = start(site)
    assert Client(postfix.port).send(named(MESSAGE, "tagged")).startswith("250")
    assert re.match(rf'Received: .*?\nAuthentication-Results: {re.escape(NAME)};\n\tdkim=none\n'
                    r'X-Postern-Tag: "tag dkim != pass"\n', postfix.sink.delivered("tagged"), re.S)


def test_authenticated_submissions_are_not_judged(site):
    site.compile("reject any")
    postfix = start(site)
    assert Client(postfix.port, "192.0.2.7", login="jo").send(named(MESSAGE, "mine")).startswith("250")
    assert "Authentication-Results" not in postfix.sink.delivered("mine")
    assert Client(postfix.port, "192.0.2.7").send(MESSAGE).startswith("550")
    assert site.stop() == 0
    assert [line["action"] for line in site.lines("message")] == ["accept"]
    (refused,) = site.lines("recipient")
    assert refused["action"] == "reject" and refused["to"] == "c@farm.example", refused
    assert refused["rule"] == "reject any" and refused["client"] == "192.0.2.7", refused


def test_a_message_in_quarantine_is_on_hold(site):
    site.compile("quarantine dkim != pass", "accept any")
    postfix = start(site)
    assert Client(postfix.port).send(named(MESSAGE, "held")).startswith("250")
    hold = site.folder / "postfix/queue/hold"
    wait_until("the hold queue", lambda: any(path.is_file() for path in hold.iterdir()))
    assert Client(postfix.port).send(site.sign(named(MESSAGE, "free"))).startswith("250")
    assert "X-Postern-Quarantine" not in postfix.sink.delivered("free")
    assert len(list(hold.iterdir())) == 1
    assert site.stop() == 0
    assert [line["action"] for line in site.lines("message")] == ["quarantine", "accept"]
    assert "milter-hold: END-OF-MESSAGE" in postfix.log.read_text()


def test_bots_are_refused_at_mail_unless_they_have_logged_in(site):
    postfix = start(site)
    bot = Client(postfix.port, "198.51.100.7", name="ylmf-pc")
    reply = bot.say(f"MAIL FROM:<a@{DOMAIN}>")
    assert reply.startswith("550 5.7.1 refused: the name ylmf-pc is one that bots use;"), reply
    assert bot.say("RCPT TO:<c@farm.example>").startswith("503")
    assert Client(postfix.port, "198.51.100.7", "jo", "ylmf-pc").send(named(MESSAGE, "human")).startswith("250")
    assert site.stop() == 0
    assert [line["action"] for line in site.lines("message")] == ["reject", "accept"]


def test_a_spamtrap_gets_nothing_and_the_others_the_message(site):
    traps = site.folder / "traps"
    traps.write_text("trap@farm.example\n")
    site.start("--milter-group", "postfix", "--spamtraps", traps)
    postfix = Postfix(site)
    for recipients, subject in ((("trap", "c"), "both"), (("TRAP",), "alone"), (("c",), "after")):
        client = Client(postfix.port)
        assert client.say(f"MAIL FROM:<a@{DOMAIN}>").startswith("250")
        for recipient in recipients:
            assert client.say(f"RCPT TO:<{recipient}@farm.example>").startswith("250")
        assert client.text(named(MESSAGE, subject)).startswith("250")
    assert postfix.sink.delivered("both")
    assert postfix.sink.delivered("after")
    assert site.stop() == 0
    assert [(line["rcpts"], line["traps"]) for line in site.lines("message")] == [("1", "1"), ("0", "1"), ("1", "0")]
    # Postfix's log: one recipient each, the trap never; what was for it alone went nowhere.
    log = postfix.log.read_text()
    delivered = re.findall(r" to=<([^>]+)>,.* status=sent", log)
    assert delivered == ["c@farm.example"] * 2, log
    assert not any("alone" in path.read_text("latin-1") for path in postfix.sink.folder.iterdir())


def test_a_message_has_the_same_fate_at_either_door(site):
    site.compile("reject category dynamic", "tag dkim = pass", "accept any")
    port, sink = free_port(), Sink(site)
    site.start("--milter-group", "postfix", "--listen", f"127.0.0.1:{port}", "--farm", f"127.0.0.1:{sink.port}",
               "--greet-pause", "0")
    assert site.ready == f"ready listen=127.0.0.1:{port} milter=unix:{site.socket}\n"
    postfix = Postfix(site, sink=sink)
    marks = []
    for door, subject in ((port, "proxy"), (postfix.port, "milter")):
        assert Client(door).send(site.sign(named(MESSAGE, subject))).startswith("250")
        text = sink.delivered(subject)
        marks.append(text[text.index("Authentication-Results:"):text.index("DKIM-Signature:")])
    assert "dkim=pass" in marks[0] and "X-Postern-Tag:" in marks[0]
    signature = re.compile(r"header\.b=\S+")  # that of another Subject
    assert signature.sub("", marks[0]) == signature.sub("", marks[1])
    assert site.stop() == 0
    proxy, milter = site.lines("message")
    assert all(proxy[key] == milter[key] for key in ("client", "helo", "from", "dkim", "domain", "action", "rule"))


def test_resets_a_second_data_and_pipelining_in_one_session(site):
    site.compile("reject category dynamic", "accept any")
    postfix = start(site)
    client = Client(postfix.port)
    client.envelope()
    assert client.say("RSET").startswith("250")
    assert client.say("DATA").startswith("503")
    client.envelope()
    assert client.say("EHLO again.example").startswith("250")  # ends it, too
    assert client.send(site.sign(named(MESSAGE, "first"))).startswith("250")
    # All commands of two messages at once.
    commands = f"MAIL FROM:<a@{DOMAIN}>\r\nRCPT TO:<c@farm.example>\r\nDATA\r\n".encode()
    client.socket.sendall(b"MAIL FROM:<left@b.example>\r\nRSET\r\n" + commands)
    assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "354"]
    client.socket.sendall(named(MESSAGE, "second").replace(b"\r\n.", b"\r\n..") + b".\r\n" + commands)
    assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
    client.socket.sendall(named(MESSAGE, "third").replace(b"\r\n.", b"\r\n..") + b".\r\nQUIT\r\n")
    assert [client.reply()[:3] for _ in range(2)] == ["250", "221"]
    for subject, result in (("first", "pass"), ("second", "none"), ("third", "none")):
        assert f"\n\tdkim={result}" in postfix.sink.delivered(subject)
    assert site.stop() == 0
    assert len(site.lines("message")) == 3


def test_a_large_body_comes_in_pieces(site):
    postfix = start(site)
    large = named(MESSAGE, "large") + b"".join(b"%079d\r\n" % n for n in range(20_000))
    assert Client(postfix.port).send(site.sign(large)).startswith("250")
    assert "\n\tdkim=pass" in postfix.sink.delivered("large")


def test_an_smtpd_in_a_chroot_finds_its_socket(site):
    site.socket = site.folder / "postfix/queue/postern/milter.sock"
    site.socket.parent.mkdir(parents=True)
    site.start("--milter-group", "postfix")
    postfix = Postfix(site, chroot=True)
    assert Client(postfix.port).send(site.sign(named(MESSAGE, "inside"))).startswith("250")
    assert "\n\tdkim=pass" in postfix.sink.delivered("inside")


def test_a_protocol_that_hides_blanks_lets_no_signature_fail_for_them(site):
    site.start("--milter-group", "postfix")
    postfix = Postfix(site, protocol=2)
    for how, result in (((b"relaxed", b"simple"), "pass"), ((b"simple", b"simple"), "neutral")):
        assert Client(postfix.port).send(site.sign(named(MESSAGE, result), how)).startswith("250")
        assert f"\n\tdkim={result}" in postfix.sink.delivered(result)


def test_a_silent_dns_defers_and_without_us_postfix_defers_too(site):
    site.compile("accept dkim = pass", "reject any")
    site.dns_port = 9  # nobody is there
    site.start("--milter-group", "postfix", "--authentication-time", "300ms")
    postfix = Postfix(site)
    client = Client(postfix.port)
    reply = client.send(site.sign(MESSAGE))
    assert reply.startswith("451 4.4.3 deferred because "), reply
    assert site.stop() == 0
    reply = Client(postfix.port).say(f"MAIL FROM:<a@{DOMAIN}>")
    assert reply.startswith("4"), reply


def test_own_mail_is_signed_and_verifies_as_it_is_delivered(site):
    (site.folder / "dkim.keys").write_text(f"{DOMAIN} {SELECTOR} key.pem c=simple/simple\n{DOMAIN} no key.pem\n")
    site.start("--milter-group", "postfix", "--dkim-keys", site.folder / "dkim.keys", "--outbound-from",
               "192.0.2.0/24")
    postfix = Postfix(site)
    for number, who in enumerate((("192.0.2.7", None), ("198.51.100.7", "jo"), ("198.51.100.7", None))):
        assert Client(postfix.port, *who).send(named(MESSAGE, f"no{number}")).startswith("250")
        text = postfix.sink.delivered(f"no{number}")
        done = subprocess.run([POSTERN, "verify", "-", "--resolver", f"127.0.0.1@{site.dns_port}"], input=text,
                              capture_output=True, text=True, check=True, encoding="latin-1")
        found = re.findall(r"^dkim +(\w+) +(\S+)", done.stdout, re.M)
        if number == 2:
            assert found == [("none", "the")], done.stdout
        else:
            assert found == [("pass", f"{SELECTOR}._domainkey.{DOMAIN}"),
                             ("permerror", f"no._domainkey.{DOMAIN}")], (text, done.stdout)
    assert [line["signed"].count("_domainkey") for line in site.lines("signing")] == [2, 2]
    assert site.stop() == 0
