# SPDX-License-Identifier: BSD-3-Clause
"""postern-control in front of a mail server, or behind one that sends: a policy, a certificate, and the
settings that a test names, on a port that stays. Environment: POSTERN_CONTROL and POSTERN_PROGRAM name the
programs (meson.build sets them)."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess

from tests.support.loopback import free_port, wait_until
from tests.support.smtp_wire import PATIENCE

CONTROL = os.environ["POSTERN_CONTROL"]
POSTERN = os.environ["POSTERN_PROGRAM"]
NAME = "mx.farm.example"
POLICY = """\
list here "here.netset" format cidr category dynamic contact "https://postmaster.farm.example/"
service mx 127.0.0.1/32 port 25
connection to mx
    inspect any
message
    {rule}
    accept any
"""
# What it adds on top: the two fields, each with its continuation lines.
FIELDS = re.compile(rb"(Received: (?:[^\n]|\n[ \t])*\n)(Authentication-Results: (?:[^\n]|\n[ \t])*\n)")


class FrontDoor:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.port, self.process, self.starts = folder, free_port(), None, 0
        (folder / "here.netset").write_text("127.0.0.0/8\n")
        self.certificate, self.key = folder / "mx.crt", folder / "mx.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={NAME}", "-days", "2", "-keyout", self.key, "-out", self.certificate],
                       check=True, capture_output=True)

    @contextlib.contextmanager
    def running(self, *farms, rule="accept dkim = pass", tls=False, **settings):
        """Until the end of the block, when it has to end well. farms: as in the `farm` setting; settings: name = value,
        with _ for -."""
        (self.folder / "site.policy").write_text(POLICY.format(rule=rule))
        subprocess.run([POSTERN, "compile", "--policy", self.folder / "site.policy", "-o", self.folder / "site.snap"],
                       check=True, capture_output=True)
        given = {"name": NAME, "listen": f"127.0.0.1:{self.port}", "snapshot": self.folder / "site.snap",
                 "resolver": "127.0.0.1@9", "spool": self.folder, "greet_pause": "0", "max_sessions_per_source": 500}
        if tls:
            given |= {"certificate": self.certificate, "key": self.key}
        words = [f"--farm={farm}" for farm in farms]
        words += [f"--{name.replace('_', '-')}={value}" for name, value in (given | settings).items()]
        self.starts += 1
        self.log = self.folder / f"control-{self.starts}.log"
        self.process = subprocess.Popen([CONTROL, *words], stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True)
        try:
            ready = self.process.stdout.readline()
            assert ready.startswith("ready "), self.log.read_text()
            wait_until("every backend", lambda: len(self.lines("farm")) >= len(farms))
            yield self
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.log.read_text()[-2000:]
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()

    def lines(self, word):
        """What the log says under that word, each line as a dictionary."""
        return [{key: quoted or plain for key, quoted, plain in re.findall(r' ([a-z-]+)=(?:"([^"]*)"|(\S+))', line)}
                for line in self.log.read_text(errors="replace").splitlines() if f" {word} " in line]


def unmarked(text):
    """text: octets that came through the front door. -> what stands above its fields, its Received, its
    Authentication-Results, and the message under them."""
    found = [each for each in FIELDS.finditer(text) if b"by " + NAME.encode() in each[1]]
    assert len(found) == 1, text[:2000]
    return text[:found[0].start()], found[0][1], found[0][2], text[found[0].end():]
