# SPDX-License-Identifier: BSD-3-Clause
"""A site whose mail servers ask postern-control as a milter: a policy, keys in a real name server
(nsd), and postern-control on a Unix socket. All of it on loopback and in one folder. Environment:
POSTERN_CONTROL and POSTERN_PROGRAM name the programs (meson.build sets them)."""

import base64
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import dkim

from tests.support.loopback import PATIENCE, free_port, listens, wait_until

CONTROL = os.environ["POSTERN_CONTROL"]
POSTERN = os.environ["POSTERN_PROGRAM"]
DOMAIN, SELECTOR, NAME = "good.example", "s", "mx.farm.example"

POLICY = """\
list pool "pool.netset" format cidr category dynamic contact "https://postmaster.farm.example/?why=100%25"
service mx 127.0.0.1/32 port 25
connection to mx
    inspect any
message
{rules}
"""


class Site:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.running = folder, []
        folder.chmod(0o755)
        self.socket = folder / "milter.sock"
        self.log = folder / "control.log"
        # What connects from here comes from loopback: the list is of the senders that tests name.
        (folder / "pool.netset").write_text("192.0.2.0/24\n")
        self.compile("accept any")
        self.key = folder / "key.pem"
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                        "-out", self.key], check=True)
        self.dns_port = free_port(socket.SOCK_DGRAM)

    def compile(self, *rules):
        text = POLICY.format(rules="\n".join("    " + rule for rule in rules))
        (self.folder / "site.policy").write_text(text)
        subprocess.run([POSTERN, "compile", "--policy", self.folder / "site.policy", "-o",
                        self.folder / "site.snap"], check=True, capture_output=True)

    def start_dns(self):
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        record = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
        pieces = " ".join(f'"{record[i:i + 200]}"' for i in range(0, len(record), 200))
        base = self.folder / "nsd"
        base.mkdir()
        (base / "zone").write_text("\n".join([
            f"$ORIGIN {DOMAIN}.", "$TTL 60", f"@ SOA ns.{DOMAIN}. hostmaster.{DOMAIN}. 1 3600 600 86400 60", "@ NS ns",
            "ns A 127.0.0.1", f"{SELECTOR}._domainkey TXT {pieces}", ""]))
        (base / "nsd.conf").write_text("\n".join([
            "server:", f"  ip-address: 127.0.0.1@{self.dns_port}", '  username: ""', '  chroot: ""',
            "  server-count: 1", f'  zonesdir: "{base}"', '  database: ""', f'  pidfile: "{base}/nsd.pid"',
            f'  xfrdfile: "{base}/xfrd.state"', f'  zonelistfile: "{base}/zone.list"', f'  xfrdir: "{base}"',
            "  rrl-ratelimit: 0", "remote-control:", "  control-enable: no", "zone:", f"  name: {DOMAIN}",
            "  zonefile: zone", ""]))
        self.running.append(subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", base / "nsd.conf"],
                                             stdout=(base / "log").open("wb"), stderr=subprocess.STDOUT))
        wait_until("the name server", lambda: listens(self.dns_port))

    def start(self, *more):
        self.control = subprocess.Popen(
            [CONTROL, "--milter", f"unix:{self.socket}", "--snapshot", self.folder / "site.snap", "--name", NAME,
             "--resolver", f"127.0.0.1@{self.dns_port}", "--spool", self.folder, *map(str, more)],
            stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True)
        self.running.append(self.control)
        self.ready = self.control.stdout.readline()
        assert self.ready.startswith("ready "), self.log.read_text()

    def reload(self, *rules):
        loaded = self.log.read_text().count("state=loaded")
        self.compile(*rules)
        self.control.send_signal(signal.SIGHUP)
        wait_until("the new rules", lambda: self.log.read_text().count("state=loaded") > loaded)

    def stop(self):
        self.control.send_signal(signal.SIGTERM)
        status = self.control.wait(PATIENCE)
        assert not self.lines("system-call"), "a call that its worker was not allowed"
        return status

    def end(self):
        for process in reversed(self.running):
            if process.poll() is not None:
                continue
            process.terminate()  # a mail server then ends its own processes
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def lines(self, word):
        """What the log says under that word, each line as a dictionary."""
        found = []
        for line in self.log.read_text().splitlines():
            if re.search(rf" {word} ", line):
                found.append({key: quoted or plain for key, quoted, plain
                              in re.findall(r' ([a-z]+)=(?:"([^"]*)"|(\S+))', line)})
        return found

    def sign(self, message: bytes, how=(b"simple", b"simple")):
        """By python3-dkim."""
        return dkim.sign(message, SELECTOR.encode(), DOMAIN.encode(), self.key.read_bytes(),
                         signature_algorithm=b"rsa-sha256", canonicalize=how) + message


@contextlib.contextmanager
def running_site():
    """A Site in a folder of its own: pytest's is closed to other users, such as those of mail servers,
    whenever another pytest starts."""
    with tempfile.TemporaryDirectory(prefix="postern-milter-", ignore_cleanup_errors=True) as folder:
        site = Site(pathlib.Path(folder))
        try:
            yield site
        finally:
            site.end()


def needs(*programs):
    """Why a test cannot run here, or None."""
    path = os.environ["PATH"] + ":/usr/sbin:/usr/lib/postfix/sbin"
    missing = [p for p in programs if not shutil.which(p, path=path)]
    return f"not installed: {', '.join(missing)}" if missing else None
