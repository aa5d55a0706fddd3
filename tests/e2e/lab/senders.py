# SPDX-License-Identifier: BSD-3-Clause
"""Those who connect: swaks (one message from one address), a Postfix whose mail opendkim signs,
bots, and a plain TCP flow that is no mail at all. Each returns what a
person at that machine would have seen, as one word or a reply."""

import pathlib
import re
import subprocess
import textwrap
import time

from tests.e2e.lab.attempts import probe
from tests.e2e.lab.farm import PATIENCE, listens, started, stop, wait_for
from tests.e2e.lab.mail import Keys
from tests.support.postfix import Postfix as PostfixInFolder


def swaks(network, source, path: pathlib.Path, sender, recipient="someone@farm.example", tls=False, helo=None,
          seconds=20, first=False):
    """Sends one message. -> ("250 ...", transcript): the last word of the other side, or "timed out",
    "refused" where no connection came about. first: every connection counts, so none is tried before."""
    words = ["swaks", "--server", network.service(source), "--port", "25", "--local-interface", source,
             "--from", sender, "--to", recipient, "--helo", helo or "client.example", "--data", f"@{path}",
             "--timeout", str(seconds), "--suppress-data"]
    if ":" in source:
        words.append("-6")
    if tls:
        words.append("--tls")
    reached = "connected" if first else probe(network.wan, source, network.service(source), 25)
    if reached != "connected":
        return reached, ""
    done = network.wan.run(*words, check=False, timeout=seconds + 20)
    replies = re.findall(r"^<[-~*]{1,2} +(\d\d\d .*)$", done.stdout, re.M)
    replies = [r for r in replies if not r.startswith("221")]
    return (replies[-1] if replies else f"swaks exit {done.returncode}"), done.stdout


_BOT = textwrap.dedent("""
    import socket, sys, time
    source, target, name, waits = sys.argv[1:]

    def reply(lines):
        got = []
        while not got or got[-1][3:4] == "-":
            got += lines.readline().decode("latin-1").splitlines() or [""]
        return [line for line in got if line]

    while True:
        s = socket.socket()
        s.settimeout(25)
        s.bind((source, 0))
        s.connect((target, 25))
        connected = time.monotonic()
        lines = s.makefile("rb")
        if waits == "waits":
            reply(lines)
        elif time.monotonic() > connected + 0.1:
            s.close()  # too late to be sure to speak before the greeting
            continue
        break
    try:
        s.sendall(b"EHLO " + name.encode() + b"\\r\\n")
        # Half the greeting may come before the answer.
        print(reply(lines)[0 if waits == "waits" else -1])
    except (OSError, IndexError):
        print("closed")
    """)


def bot(network, source, name, waits):
    """Says EHLO with that name, before the greeting or after it. -> the first line that it got for it, or the last
    where it did not wait."""
    done = network.wan.run("/usr/bin/python3", "-c", _BOT, source, network.service(source), name,
                           "waits" if waits else "does not", check=False)
    return done.stdout.strip() or "no connection"


_FLOW_SERVER = textwrap.dedent("""
    import socket, sys
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[1], int(sys.argv[2])))
    listener.listen()
    while True:
        peer, _ = listener.accept()
        with peer:
            while data := peer.recv(65536):
                peer.sendall(data)
    """)

_FLOW_CLIENT = textwrap.dedent("""
    import hashlib, random, socket, sys, threading
    source, target, port, size = sys.argv[1:]
    sent = random.Random(1).randbytes(int(size))
    s = socket.socket()
    s.settimeout(30)
    s.bind((source, 0))
    s.connect((target, int(port)))
    def send():
        s.sendall(sent)
        s.shutdown(socket.SHUT_WR)
    threading.Thread(target=send, daemon=True).start()
    back = b""
    while data := s.recv(65536):
        back += data
    print("untouched" if back == sent else f"altered: {len(back)} of {len(sent)} bytes came back")
    """)


class OtherService:
    """A TCP echo on port 7777 of the service's address: not mail, so nobody's business."""

    PORT = 7777

    def __init__(self, network):
        self.process = network.mx.popen(["/usr/bin/python3", "-c", _FLOW_SERVER, network.SERVICE_V4, self.PORT])
        started(self, "the echo server", PATIENCE, lambda: listens(network.mx, self.PORT))

    def flow(self, network, source, size=4 << 20):
        done = network.wan.run("/usr/bin/python3", "-c", _FLOW_CLIENT, source, network.SERVICE_V4, self.PORT, size,
                               check=False, timeout=60)
        return done.stdout.strip() or (done.stderr.strip().splitlines() or ["nothing"])[-1]

    def stop(self):
        stop(self.process)


class Postfix:
    """A real MTA on the senders' side, with opendkim as its milter: what it is given on loopback it
    signs, queues and sends to the service from `source`."""

    PORT, MILTER = 2500, 8891

    def __init__(self, network, folder: pathlib.Path, source, domain, keys, name="postfix"):
        self.network, base = network, folder / name
        folder.chmod(0o755)  # the way there must be open to it
        self.inside = PostfixInFolder(base, [
            f"myhostname = mail.{domain}", f"relayhost = [{network.SERVICE_V4}]", f"smtp_bind_address = {source}",
            f"smtpd_milters = inet:127.0.0.1:{self.MILTER}", "smtp_tls_security_level = may",
            "smtpd_relay_restrictions = permit_mynetworks, reject", "minimal_backoff_time = 5s",
            "maximal_backoff_time = 5s", "queue_run_delay = 5s"], {self.PORT: ""}, run=self._run)
        self.log = self.inside.log
        (base / "opendkim.conf").write_text("\n".join([
            f"Domain {domain}", f"Selector {Keys.RSA}", f"KeyFile {keys.rsa_file}", "Mode s",
            "Canonicalization relaxed/simple", f"Socket inet:{self.MILTER}@127.0.0.1", "SignatureAlgorithm rsa-sha256",
            "RequireSafeKeys no", "InternalHosts 127.0.0.0/8", "Syslog no", "Background no", ""]))
        self.milter = network.wan.popen(["opendkim", "-f", "-x", base / "opendkim.conf"],
                                        stdout=(base / "opendkim.log").open("wb"), stderr=subprocess.STDOUT)
        try:
            wait_for("opendkim", PATIENCE, lambda: listens(network.wan, self.MILTER))
            self.inside.start()
            wait_for("postfix", PATIENCE, lambda: listens(network.wan, self.PORT))
        except BaseException:
            self.stop()
            raise

    def _run(self, words, log=None):
        if log is None:
            return self.network.wan.run(*words, check=False)
        return self.network.wan.popen(words, start_new_session=True,  # it ends its whole process group
                                      stdout=log.open("ab"), stderr=subprocess.STDOUT)

    def send(self, path, sender, recipient="someone@farm.example", seconds=30):
        """-> "250 ..." as its log shows the other side's answer to the message, or what it says instead."""
        self.network.wan.run("swaks", "--server", "127.0.0.1", "--port", self.PORT, "--from", sender,
                             "--to", recipient, "--data", f"@{path}", "--suppress-data", timeout=seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self.log.read_text(errors="replace") if self.log.exists() else ""
            found = re.findall(r"status=(\w+) \((.*)\)$", text, re.M)
            if found:
                return f"{found[-1][0]}: {found[-1][1]}"
            time.sleep(0.2)
        return "nothing in its log"

    def stop(self):
        stop(self.inside.master)
        stop(self.milter)
