# SPDX-License-Identifier: BSD-3-Clause
"""What real mail servers make of a stateless refusal: Exim, Sendmail, OpenSMTPD and Postfix each send
a message from a refused source through the XDP engine. Their log shows the line that refused them,
and so does the report that their user gets. (The DPDK engine's replies are the same to the byte:
tests/packets.) Debian's packages of them exclude each other, so each is installed in a file system
of its own, laid over this machine's, which is gone when it has sent."""

import os
import pathlib
import re
import subprocess
import textwrap

import pytest

from tests.e2e.lab import product
from tests.e2e.lab.namespaces import Network
from tests.support.mail_machine import Machine

BUILD = pathlib.Path(os.environ["POSTERN_BUILD"])
SOURCE = "203.0.113.129"
LINE = f"554 5.7.1 {SOURCE} refused: dynamic (list pool); see https://postmaster.farm.example/?ip={SOURCE}"
POLICY = """\
list pool "pool.cidr" format cidr category dynamic contact "https://postmaster.farm.example/?ip=%a"
service mx 198.51.100.25 name "mx.farm.example"
connection to mx
    refuse list pool
"""
MESSAGE = "From: tester@sender.example\\nTo: someone@farm.example\\nSubject: refused\\n\\nhello\\n"

EXIM = """\
cat > /etc/exim4/exim4.conf <<'END'
primary_hostname = mail.sender.example
log_file_path = /var/log/exim4/%slog
begin routers
here:
  driver = accept
  domains = sender.example
  transport = box
there:
  driver = manualroute
  route_list = * 198.51.100.25 byname
  transport = out
begin transports
box:
  driver = appendfile
  file = /var/mail/tester
  user = mail
  group = mail
out:
  driver = smtp
  interface = SOURCE
END
printf "MESSAGE" | exim4 -odf -f tester@sender.example someone@farm.example
for i in $(seq 300); do [ -s /var/mail/tester ] && break; sleep 0.2; done
echo "== log"; cat /var/log/exim4/mainlog
echo "== report"; cat /var/mail/tester || true
"""

OPENSMTPD = """\
cat > /etc/smtpd.conf <<'END'
listen on lo
action here mbox
action there relay host smtp://198.51.100.25 src SOURCE
match from any for domain "sender.example" action here
match from any for any action there
END
touch /etc/aliases
smtpd -d > /tmp/smtpd.log 2>&1 &
for i in $(seq 600); do ss -Hlnt | grep -q ':25 ' && break; sleep 0.1; done
printf "MESSAGE" | sendmail -f tester@sender.example someone@farm.example
for i in $(seq 300); do [ -s /var/mail/tester ] && break; sleep 0.2; done
echo "== log"; cat /tmp/smtpd.log
echo "== report"; cat /var/mail/tester || true
"""

SENDMAIL = """\
cat > /etc/mail/service.switch <<'END'
hosts files
aliases files
END
cat > /tmp/sender.mc <<'END'
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confDOMAIN_NAME', `mail.sender.example')dnl
define(`confTO_IDENT', `0')dnl
define(`SMART_HOST', `esmtp:[198.51.100.25]')dnl
define(`confLOG_LEVEL', `14')dnl
CLIENT_OPTIONS(`Family=inet, Address=SOURCE')dnl
FEATURE(`nocanonify')dnl
LOCAL_DOMAIN(`sender.example')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
END
m4 /tmp/sender.mc > /etc/mail/sendmail.cf
echo "tester: /var/mail/tester" > /etc/mail/aliases
touch /etc/mail/local-host-names /etc/mail/trusted-users
mkdir -p /var/lib/sendmail/host_status /var/spool/mqueue
chown root:root /var/spool/mqueue
chmod 700 /var/spool/mqueue
printf "MESSAGE" | sendmail -Am -odi -v -f tester@sender.example someone@farm.example > /tmp/session 2>&1 || true
sendmail -Am -q || true
echo "== log"; cat /tmp/session
echo "== report"; cat /var/mail/tester || true
"""

POSTFIX = """\
[ -e /etc/postfix/main.cf ] || touch /etc/postfix/main.cf
[ -e /etc/postfix/master.cf ] || cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf -e "myhostname=mail.sender.example" "mydestination=sender.example" "relayhost=[198.51.100.25]" \\
  "smtp_bind_address=SOURCE" "inet_protocols=ipv4" "inet_interfaces=loopback-only" "smtp_dns_support_level=disabled" \\
  "maillog_file=/var/log/postfix.log" "alias_maps=" "local_recipient_maps=" "compatibility_level=3.6" "smtp_tls_security_level=may"
postfix start >/dev/null 2>&1
printf "MESSAGE" | sendmail -f tester@sender.example someone@farm.example
for i in $(seq 300); do [ -s /var/mail/tester ] && break; sleep 0.2; done
postfix stop >/dev/null 2>&1 || true
echo "== log"; cat /var/log/postfix.log
echo "== report"; cat /var/mail/tester || true
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    (folder / "pool.cidr").write_text("203.0.113.128/25\n")
    (folder / "policy").write_text(POLICY)
    subprocess.run([BUILD / "control/cli/postern", "compile", "--policy", folder / "policy", "-o", folder / "snapshot"],
                   check=True, capture_output=True)
    with Network() as made:
        made.take_redirected(BUILD / "xdp/bpf/pass.bpf.o")
        engine = product.Engine(BUILD, "xdp", folder, folder / "snapshot", made.box.popen)
        try:
            made.add_source(SOURCE)
            yield made
        finally:
            engine.stop()


def send(network, folder, packages, script):
    """-> the log and the report"""
    script = script.replace("SOURCE", SOURCE).replace("MESSAGE", MESSAGE)
    with Machine(folder, "mail.sender.example", packages, network.wan.name) as machine:
        done = machine.sh("useradd -m tester\n" + script, timeout=300)
    log, report = re.fullmatch(r".*== log\n(.*)== report\n(.*)", done.stdout, re.S).groups()
    return log, report


def unfolded(text):
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("packages, script", [
    pytest.param("exim4-daemon-light", EXIM, id="Exim"),
    pytest.param("opensmtpd", OPENSMTPD, id="OpenSMTPD"),
    pytest.param("sendmail-bin m4", SENDMAIL, id="Sendmail"),
    pytest.param("", POSTFIX, id="Postfix"),
])
def test_the_sender_learns_why(network, tmp_path, packages, script):
    log, report = send(network, tmp_path, packages, textwrap.dedent(script))
    assert LINE in unfolded(log), log
    assert LINE in unfolded(report), report + "-- log\n" + log
