# SPDX-License-Identifier: BSD-3-Clause
"""The mail servers that are in Debian, each at both of its tasks: on `port` of loopback it takes mail for
`someone@` and `tester@` of farm.example and sender.example into boxes, and relays everything else to port
`relay`. `later@farm.example` is put off (4xx) and who is unknown refused, in the server's own words; more
than LARGEST octets are too many. `proxied` is a port that wants a PROXY header, where the server knows it.
With each of them goes a machine of its own (mail_machine.py)."""

import pathlib
import re
import subprocess

from tests.support.loopback import free_port, listens, wait_until
from tests.support.mail_machine import Machine
from tests.support.postfix import Postfix as PostfixInFolder

NAME, HERE, USERS = "mail.farm.example", ("farm.example", "sender.example"), ("someone", "tester")
LARGEST = 2_000_000
BUSY = "4.2.1 the mailbox is busy"


class MailServer:
    """shared: a folder that every user may reach. Ports are chosen when it is made, and the same after a restart."""

    NAME, PACKAGES, PROXY, CHUNKING, TLS = "", "", False, False, True  # what it knows as a server

    def __init__(self, shared: pathlib.Path, relay):
        self.shared, self.relay = shared, relay
        self.port, self.proxied = free_port(), free_port() if self.PROXY else None
        self.boxes = shared / "box"
        for user in USERS:
            (self.boxes / user / "new").mkdir(parents=True)
        for path in (self.boxes, *self.boxes.glob("*"), *self.boxes.glob("*/new")):
            path.chmod(0o777)
        self.certificate, key = shared / "mail.crt", shared / "mail.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-days", "2",
                        "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True)
        self.machine = Machine(shared, NAME, self.PACKAGES)

    def __enter__(self):
        self.machine.__enter__()
        try:
            self.set_up()
            self.start()
        except BaseException:
            self.machine.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.machine.__exit__()

    def set_up(self):
        """Writes the configuration."""
        raise NotImplementedError

    def start(self):
        self.begin()
        try:
            wait_until(self.NAME, lambda: listens(self.port))
        except AssertionError as error:
            said = [f"{path.name}: {path.read_text(errors='replace')[-1000:]}" for path in sorted(self.shared.glob("*"))
                    if path.is_file() and path.suffix not in (".key", ".crt")]
            raise RuntimeError(f"{error}: {said}") from None

    def begin(self):
        """Starts the daemon."""
        raise NotImplementedError

    def kill(self):
        """At once, with every connection and delivery under way; the queue stays."""
        self.machine.kill_all()
        wait_until(f"the end of {self.NAME}", lambda: not listens(self.port))

    def flush(self):
        """Tries everything that is queued, whenever it was tried before."""
        raise NotImplementedError

    def fresh(self):
        """Forgets what it remembers of other mail servers, where that would make it wait."""

    def queued(self):
        """Whether there is mail that is not yet delivered."""
        raise NotImplementedError

    def log(self):
        return (self.shared / "daemon").read_text(errors="replace")

    def box(self, user):
        """What was delivered to that user: messages as octets, with LF line ends, the server's fields on top."""
        return [path.read_bytes() for path in sorted((self.boxes / user).glob("[Nn]ew/*"))]

    def empty(self):
        """Takes away what is in the boxes."""
        for path in self.boxes.glob("*/new/*"):
            path.unlink()


class Postfix(MailServer):
    NAME, PROXY, CHUNKING = "Postfix", True, True

    def set_up(self):
        boxes = " ".join(f"{{{user}@{domain}={user}/}}" for user in USERS for domain in HERE)
        self.machine.sh("chown mail: /srv/box/*")
        user = self.machine.sh("id -u mail; id -g mail").stdout.split()
        main = [f"myhostname = {NAME}", f"relayhost = [127.0.0.1]:{self.relay}", "mynetworks = 127.0.0.0/8",
                "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
                f"smtpd_recipient_restrictions = check_recipient_access inline:{{{{later@farm.example=450 {BUSY}}}}}, permit",
                f"virtual_mailbox_domains = {', '.join(HERE)}", "virtual_mailbox_base = /srv/box",
                f"virtual_mailbox_maps = inline:{{{boxes}}}", f"virtual_uid_maps = static:{user[0]}",
                f"virtual_gid_maps = static:{user[1]}", "virtual_minimum_uid = 1", f"message_size_limit = {LARGEST}",
                "smtpd_tls_security_level = may", "smtpd_tls_cert_file = /srv/mail.crt", "smtpd_tls_key_file = /srv/mail.key",
                "smtp_tls_security_level = may", "smtpd_tls_received_header = yes",
                # Every client is one here.
                "smtpd_client_connection_rate_limit = 0", "smtpd_client_connection_count_limit = 0"]
        self.inside = PostfixInFolder(self.shared / "postfix", main, {
            self.port: "-o smtpd_authorized_xclient_hosts=127.0.0.0/8 -o smtpd_authorized_xforward_hosts=127.0.0.0/8",
            self.proxied: "-o smtpd_upstream_proxy_protocol=haproxy"}, run=self.run)

    def run(self, words, log=None):
        return self.machine.run(*words, check=False) if log is None else self.machine.popen(*words, log=log)

    def begin(self):
        self.inside.start()

    def flush(self):
        self.machine.run("postqueue", "-c", self.inside.config, "-f")

    def queued(self):
        return "is empty" not in self.machine.run("postqueue", "-c", self.inside.config, "-p").stdout

    def log(self):
        return self.inside.log.read_text(errors="replace")


class Exim(MailServer):
    NAME, PACKAGES, PROXY, CHUNKING = "Exim", "exim4-daemon-heavy", True, True
    CONFIG = """\
primary_hostname = {name}
domainlist here = {here}
daemon_smtp_ports = {port} : {proxied}
local_interfaces = 127.0.0.1
hosts_proxy = ${{if eq{{$received_port}}{{{proxied}}}{{127.0.0.1}}}}
log_file_path = /srv/%slog
log_selector = +smtp_connection +incoming_port +smtp_confirmation
tls_advertise_hosts = *
tls_certificate = /srv/mail.crt
tls_privatekey = /srv/exim.key
message_size_limit = {largest}
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept domains = ! +here
  defer local_parts = later
        message = {busy}
  require verify = recipient
  accept
begin routers
here:
  driver = accept
  domains = +here
  local_parts = {users}
  transport = box
there:
  driver = manualroute
  domains = ! +here
  route_list = * 127.0.0.1 byname
  self = send
  transport = out
begin transports
box:
  driver = appendfile
  directory = /srv/box/$local_part_data
  maildir_format
  user = mail
  group = mail
out:
  driver = smtp
  port = {relay}
begin retry
* * F,1h,1s
"""

    def set_up(self):
        self.machine.write("/etc/exim4/exim4.conf", self.CONFIG.format(
            name=NAME, here=" : ".join(HERE), port=self.port, proxied=self.proxied, largest=LARGEST, busy=BUSY,
            users=" : ".join(USERS), relay=self.relay))
        self.machine.sh("chmod 1777 /srv; install -o Debian-exim -m 600 /srv/mail.key /srv/exim.key; chown mail: /srv/box/*")

    def begin(self):
        self.machine.popen("exim4", "-bdf", "-q1h", log=self.shared / "daemon")

    def flush(self):
        self.machine.run("exim4", "-qff")

    def queued(self):
        return self.machine.run("exim4", "-bpc").stdout.strip() != "0"

    def log(self):
        return (self.shared / "mainlog").read_text(errors="replace")


class OpenSMTPD(MailServer):
    NAME, PACKAGES, PROXY = "OpenSMTPD", "opensmtpd", True
    TLS = False  # Debian 12's ends every handshake with an internal error, whoever asks: it is not made for OpenSSL 3
    CONFIG = """\
pki {name} cert "/srv/mail.crt"
pki {name} key "/srv/mail.key"
smtp max-message-size {largest}
mta limit session-keepalive 0 reconn-delay-route 0 conn-delay-relay 0
table here {{ {here} }}
table later {{ "later@farm.example" }}
filter later phase rcpt-to match rcpt-to <later> reject "450 {busy}"
listen on 127.0.0.1 port {port} tls pki {name} hostname {name} filter later
listen on 127.0.0.1 port {proxied} proxy-v2 hostname {name}
action here maildir "/srv/box/%{{user.username}}"
action there relay host smtp://127.0.0.1:{relay}
match from any for domain <here> action here
match from any for any action there
"""

    def set_up(self):
        self.machine.write("/etc/smtpd.conf", self.CONFIG.format(
            name=NAME, here=", ".join(f'"{domain}"' for domain in HERE), port=self.port, proxied=self.proxied,
            largest=LARGEST, busy=BUSY, relay=self.relay))
        self.machine.sh("touch /etc/aliases; chmod 600 /srv/mail.key; " + "; ".join(
            f"id {user} 2>/dev/null || useradd -m {user}; chown -R {user}: /srv/box/{user}" for user in USERS))

    def begin(self):
        self.machine.sh("rm -f /var/run/smtpd.sock")
        self.machine.popen("smtpd", "-d", log=self.shared / "daemon")

    def flush(self):
        self.machine.run("smtpctl", "schedule", "all", check=False)  # which it calls an error where there is none

    def fresh(self):
        self.kill()
        self.start()

    def queued(self):
        return bool(self.machine.run("smtpctl", "show", "queue").stdout.strip())


class Sendmail(MailServer):
    NAME, PACKAGES = "Sendmail", "sendmail-bin m4"
    CONFIG = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confDOMAIN_NAME', `{name}')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl or a host that put off one message is left alone for half an hour
define(`confDONT_PROBE_INTERFACES', `true')dnl
define(`confTO_IDENT', `0')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confQUEUE_LA', `1000')dnl it would put off mail while the machine is busy
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`confMAX_MESSAGE_SIZE', `{largest}')dnl
define(`confCACERT_PATH', `/etc/mail/tls')dnl
define(`confCACERT', `/etc/mail/tls/mail.crt')dnl
define(`confSERVER_CERT', `/etc/mail/tls/mail.crt')dnl
define(`confSERVER_KEY', `/etc/mail/tls/mail.key')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {relay}')dnl
define(`LOCAL_MAILER_PATH', `/usr/local/bin/into-box')dnl
define(`LOCAL_MAILER_ARGS', `into-box $u')dnl
define(`LOCAL_MAILER_FLAGS', `Pn')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Addr=127.0.0.1, Port={port}')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
{here}
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_RULESETS
SLocal_check_rcpt
R$* later @ farm.example $*\t$#error $@ 4.2.1 $: "450 {busy}"
"""
    SET_UP = """\
printf 'hosts files\\naliases files\\n' > /etc/mail/service.switch
mkdir -p /etc/mail/tls /var/lib/sendmail/host_status /var/spool/mqueue
cp /srv/mail.crt /etc/mail/tls/mail.crt
install -m 600 /srv/mail.key /etc/mail/tls/mail.key
m4 /etc/mail/test.mc > /etc/mail/sendmail.cf
touch /etc/mail/aliases /etc/mail/local-host-names /etc/mail/trusted-users
chown root:root /var/spool/mqueue
chmod 700 /var/spool/mqueue
"""
    INTO_BOX = """\
#!/bin/sh
set -eu
umask 0
file=$(mktemp "/srv/box/$1/XXXXXXXX")
cat > "$file"
mv "$file" "/srv/box/$1/new/"
"""

    def set_up(self):
        self.machine.write("/usr/local/bin/into-box", self.INTO_BOX, 0o755)
        self.machine.write("/etc/mail/test.mc", self.CONFIG.format(
            name=NAME, largest=LARGEST, busy=BUSY, port=self.port, relay=self.relay,
            here="\n".join(f"LOCAL_DOMAIN(`{domain}')dnl" for domain in HERE)))
        self.machine.sh(self.SET_UP + "\n".join(f"id {user} 2>/dev/null || useradd -m {user}" for user in USERS))

    def begin(self):
        self.machine.popen("sendmail", "-Am", "-bD", log=self.shared / "daemon")

    def flush(self):
        self.machine.run("sendmail", "-Am", "-q", check=False)

    def queued(self):
        return not re.search(r"is empty|Total requests: 0", self.machine.run("sendmail", "-Am", "-bp").stdout)

    def log(self):
        return (self.shared / "syslog").read_text(errors="replace")


MAIL_SERVERS = {server.NAME: server for server in (Postfix, Exim, Sendmail, OpenSMTPD)}
