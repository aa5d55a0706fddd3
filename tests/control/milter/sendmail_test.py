# SPDX-License-Identifier: BSD-3-Clause
"""A real Sendmail with postern-control as its milter, set up by the line that docs/operations.md gives
to postmasters. Debian's package excludes Postfix, so it is installed on a machine of its own
(tests/support/mail_machine.py). What it accepts it hands to smtp-sink. Submissions
of users who have logged in are not tried: that needs SASL and its databases (postfix_test.py has
them). As root."""

import os
import re

import pytest

from tests.control.milter.mail_peers import MESSAGE, Client, Sink, documented, named
from tests.control.milter.milter_site import DOMAIN, NAME, Site, needs, running_site
from tests.support.loopback import free_port, listens, wait_until
from tests.support.mail_machine import Machine

REASON = needs("unshare", "apt-get", "smtp-sink", "nsd") or (None if os.getuid() == 0 else "needs root")
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))

SENDMAIL = """\
cat > /etc/mail/service.switch <<'END'
hosts files
aliases files
END
cat > /tmp/sendmail.mc <<'END'
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confDOMAIN_NAME', `mx.farm.example')dnl
define(`confTO_IDENT', `0')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confQUEUE_LA', `1000')dnl it would put off mail while the machine is busy
define(`confREFUSE_LA', `1000')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h SINK')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Addr=127.0.0.1, Port=PORT')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
MILTER
MAILER(`local')dnl
MAILER(`smtp')dnl
END
m4 /tmp/sendmail.mc > /etc/mail/sendmail.cf
touch /etc/mail/aliases /etc/mail/local-host-names /etc/mail/trusted-users
mkdir -p /var/lib/sendmail/host_status /var/spool/mqueue
chown root:root /var/spool/mqueue
chmod 700 /var/spool/mqueue
exec /usr/sbin/sendmail -Am -bD
"""


class Sendmail:
    def __init__(self, site: Site):
        self.site, self.port, self.sink = site, free_port(), Sink(site)
        line = documented(r"^(INPUT_MAIL_FILTER\(.*)$")
        assert f"S=unix:/run/postern/{site.socket.name}," in line
        script = SENDMAIL.replace("MILTER", line).replace("SINK", str(self.sink.port)).replace("PORT", str(self.port))
        self.machine = Machine(site.folder, NAME, "sendmail-bin m4")
        self.machine.__enter__()
        try:
            self.machine.sh("mkdir -p /run/postern; mount --bind /srv /run/postern")
            self.machine.popen("sh", "-eu", "-c", script, log=site.folder / "sendmail.log")
            wait_until("sendmail", lambda: listens(self.port))
        except BaseException:
            self.stop()
            raise

    def queued(self):
        """The names of the files in its queue."""
        return self.machine.run("ls", "/var/spool/mqueue").stdout.split()

    def stop(self):
        self.machine.__exit__()


@pytest.fixture(scope="module")
def sendmail():
    with running_site() as site:
        (site.folder / "pool.netset").write_text("127.0.0.0/8\n")  # Sendmail knows no XCLIENT
        site.start_dns()
        site.start()
        sendmail = Sendmail(site)
        yield sendmail
        sendmail.stop()


def test_signed_mail_passes_and_is_marked_on_top(sendmail):
    sendmail.site.reload("accept any")
    client = Client(sendmail.port)
    for number, how in enumerate(((b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"simple", b"relaxed"))):
        assert client.send(sendmail.site.sign(named(MESSAGE, f"no{number}"), how)).startswith("250")
        text = sendmail.sink.delivered(f"no{number}")
        assert re.match(rf"Received: .*?\nAuthentication-Results: {re.escape(NAME)};\n\tdkim=pass ", text, re.S), text
    line = sendmail.site.lines("message")[-1]
    assert line["dkim"] == "pass" and line["client"] == "127.0.0.1" and len(line["queue"]) > 5, line


def test_forged_results_are_removed_and_foreign_ones_stay(sendmail):
    sendmail.site.reload("accept any")
    forged = f"Authentication-Results: {NAME}; dkim=pass header.d=forged.example\r\n".encode()
    foreign = b"Authentication-Results: other.example; dkim=pass header.d=foreign.example\r\n"
    folded = f"authentication-results:\r\n\t(c) {NAME.upper()};\r\n\tspf=pass smtp.helo=forged.example\r\n".encode()
    assert Client(sendmail.port).send(forged + foreign + folded + forged + named(MESSAGE, "forged"))[0] == "2"
    text = sendmail.sink.delivered("forged")
    assert text.lower().count("authentication-results:") == 2 and "foreign.example" in text, text
    assert "forged.example" not in text


def test_a_rejection_and_a_tag(sendmail):
    sendmail.site.reload("reject category dynamic")
    client = Client(sendmail.port)
    reply = client.send(MESSAGE)
    # At RCPT, where Sendmail says of whom it speaks.
    assert reply == ('550-5.7.1 <c@farm.example>... refused by the rule "reject category dynamic", list pool (dynamic)\r\n'
                     "550 5.7.1 see https://postmaster.farm.example/?why=100%25\r\n"), reply
    sendmail.site.reload("tag dkim != pass", "accept any")
    assert client.send(named(MESSAGE, "tagged")).startswith("250")  # in the same session
    assert re.match(rf'Received: .*?\nAuthentication-Results: {re.escape(NAME)};\n\tdkim=none\n'
                    r'X-Postern-Tag: "tag dkim != pass"\n', sendmail.sink.delivered("tagged"), re.S)


def test_a_message_in_quarantine_is_in_sendmails_own(sendmail):
    sendmail.site.reload("quarantine dkim != pass", "accept any")
    assert Client(sendmail.port).send(named(MESSAGE, "held")).startswith("250")
    wait_until("the quarantine", lambda: any(name.startswith("hf") for name in sendmail.queued()))


def test_resets_and_a_second_data_in_one_session(sendmail):
    sendmail.site.reload("accept any")
    client = Client(sendmail.port)
    client.envelope()
    assert client.say("RSET").startswith("250")
    assert client.say("DATA").startswith("503")
    client.envelope()
    assert client.say("RSET").startswith("250")
    commands = f"MAIL FROM:<a@{DOMAIN}>\r\nRCPT TO:<c@farm.example>\r\nDATA\r\n".encode()
    client.socket.sendall(b"MAIL FROM:<left@b.example>\r\nRSET\r\n" + commands)
    assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "354"]
    client.socket.sendall(named(MESSAGE, "first").replace(b"\r\n.", b"\r\n..") + b".\r\n")
    assert client.reply()[:3] == "250"
    assert client.send(sendmail.site.sign(named(MESSAGE, "second"))).startswith("250")
    assert "\n\tdkim=none" in sendmail.sink.delivered("first")
    assert "\n\tdkim=pass" in sendmail.sink.delivered("second")


def test_a_large_body_comes_in_pieces(sendmail):
    sendmail.site.reload("accept any")
    large = named(MESSAGE, "large") + b"".join(b"%079d\r\n" % n for n in range(20_000))
    assert Client(sendmail.port).send(sendmail.site.sign(large)).startswith("250")
    assert "\n\tdkim=pass" in sendmail.sink.delivered("large")
