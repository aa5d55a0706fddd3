# SPDX-License-Identifier: BSD-3-Clause
"""Who stands around a mail server that is tested with the milter: a client that says what a test
tells it to, smtp-sink (of Postfix) behind it, and what docs/operations.md has postmasters write."""

import os
import pathlib
import re
import socket
import subprocess
import time

from tests.control.milter.milter_site import DOMAIN, PATIENCE
from tests.support.loopback import free_port, listens, wait_until

DOCS = pathlib.Path(os.environ["POSTERN_ROOT"]) / "docs" / "operations.md"
MESSAGE = (f"From: <a@{DOMAIN}>\r\nTo:c@farm.example\r\nX-Tab:\tbegins with a tab\r\nX-Folded:\r\n at once\r\n"
           "Subject:  \t odd \r\n\tspacing  \r\n\r\nHello.\r\n..dots\r\n\r\n\r\n").encode()


def documented(pattern):
    """What docs/operations.md gives postmasters to write."""
    found = re.search(pattern, DOCS.read_text(), re.M)
    assert found, f"docs/operations.md does not say {pattern}"
    return found.group(1)


class Sink:
    """Takes every message into a file."""

    def __init__(self, site):
        self.folder, self.port = site.folder / "sink", free_port()
        self.folder.mkdir()
        self.folder.chmod(0o777)
        config = site.folder / "sink-config"
        config.mkdir()
        (config / "main.cf").write_text("compatibility_level = 3.6\n")
        site.running.append(subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-d", f"{self.folder}/m.", f"127.0.0.1:{self.port}", "64"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(config)}))
        wait_until("smtp-sink", lambda: listens(self.port))

    def delivered(self, subject, seconds=PATIENCE):
        """The message with that in its Subject as smtp-sink got it, with LF line ends; waits for it."""
        end = time.monotonic() + seconds
        while True:
            for path in self.folder.iterdir():
                text = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
                if re.search(rf"^Subject:.*{re.escape(subject)}", text, re.M):
                    return text[text.index("\nReceived:") + 1:]  # what is before is smtp-sink's own
            assert time.monotonic() < end, f"{subject} did not arrive"
            time.sleep(0.05)


class Client:
    """Says to the SMTP server what a test tells it to."""

    def __init__(self, port, address=None, login=None, name="client.example"):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.stream = self.socket.makefile("rb")
        self.reply()
        self.say(f"EHLO {name}")
        if address:  # what a trusted front end tells of the real client
            told = f"XCLIENT ADDR={address} NAME=[UNAVAILABLE]" + (f" LOGIN={login}" if login else "")
            assert self.say(told).startswith("220")
            self.say(f"EHLO {name}")

    def reply(self):
        lines = []
        while True:
            line = self.stream.readline().decode("latin-1")
            lines.append(line)
            if len(line) < 4 or line[3] != "-":
                return "".join(lines)

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def envelope(self):
        for line in (f"MAIL FROM:<a@{DOMAIN}>", "RCPT TO:<c@farm.example>"):
            reply = self.say(line)
            assert reply[0] == "2", reply

    def text(self, message):
        """-> the answer to the final dot."""
        assert self.say("DATA").startswith("354")
        self.socket.sendall(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return self.reply()

    def send(self, message):
        """-> the answer to the final dot, or to what was refused before it."""
        for line in (f"MAIL FROM:<a@{DOMAIN}>", "RCPT TO:<c@farm.example>"):
            reply = self.say(line)
            if reply[0] != "2":
                self.say("RSET")
                return reply
        return self.text(message)


def named(message, subject):
    """The message with that as the beginning of its Subject."""
    return message.replace(b"Subject:  \t odd", b"Subject:  \t odd " + subject.encode())
