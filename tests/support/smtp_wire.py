# SPDX-License-Identifier: BSD-3-Clause
"""What goes over the wire between mail servers, octet by octet: a client that says what a test tells it
to, a farm that answers what a test tells it to, and a tap between any two of them, which hands everything
on and remembers it. SMTP is read here as RFC 5321 and RFC 3030 have it: a line ends with CRLF, a text
with CRLF.CRLF, a chunk after its octets."""

import collections
import contextlib
import dataclasses
import socket
import socketserver
import threading

from tests.support.loopback import PATIENCE


def stuffed(text):
    """As it goes behind DATA, with its end. text: lines that end with CRLF."""
    return (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def unstuffed(wire):
    """The text of what came behind DATA, without its end."""
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n"))


class Client:
    """Says to an SMTP server what a test tells it to. Replies are whole, with their CRLFs."""

    def __init__(self, port, name="client.example", before=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.stream = self.socket.makefile("rb")
        self.socket.sendall(before)
        self.greeting = self.reply()
        self.offered = self.say(f"EHLO {name}")

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

    def envelope(self, *recipients, sender="a@b.example"):
        """-> the answer to each recipient."""
        reply = self.say(f"MAIL FROM:<{sender}>")
        assert reply.startswith("250"), reply
        return [self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]

    def text(self, message):
        """-> the answer to the final dot."""
        reply = self.say("DATA")
        assert reply.startswith("354"), reply
        self.socket.sendall(stuffed(message))
        return self.reply()

    def send(self, message, *recipients, sender="a@b.example"):
        """-> the answer to the message; every recipient has to be taken."""
        replies = self.envelope(*recipients, sender=sender)
        assert all(reply.startswith("250") for reply in replies), replies
        return self.text(message)

    def quit(self):
        reply = self.say("QUIT")
        self.close()
        return reply

    def close(self):
        self.stream.close()  # else the socket would only seem to be closed
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@dataclasses.dataclass
class Delivered:
    sender: str
    recipients: list
    text: bytes
    verb: str  # DATA or BDAT


class Farm:
    """An SMTP server on loopback that keeps what it takes. answers: (VERB, address or "")
    -> what is said to that, one after the other, before it becomes 250; "." is the end of a text, with the
    sender's address."""

    def __init__(self, port=0):
        self.delivered, self.answers = [], collections.defaultdict(list)
        self.lock = threading.Lock()
        farm = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(ConnectionError):
                    farm._converse(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size, allow_reuse_address = True, 64, True

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def of(self, recipient):
        with self.lock:
            return [mail for mail in self.delivered if recipient in mail.recipients]

    def _answer(self, verb, address, fine):
        with self.lock:
            waiting = self.answers.get((verb, address))
            return waiting.pop(0) if waiting else fine

    def _converse(self, reader, writer):
        def say(reply):
            writer.write(reply.encode() + b"\r\n")
            return reply[0] in "23"

        say("220 farm.example ESMTP")
        sender, recipients, chunks = "", [], b""
        while line := reader.readline():
            words = line.decode("latin-1").split()
            verb = words[0].upper() if words else ""
            address = line.decode("latin-1").partition("<")[2].partition(">")[0]
            if verb in ("EHLO", "HELO"):
                say("250-farm.example\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n250-8BITMIME\r\n250-DSN\r\n"
                    "250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING")
            elif verb == "MAIL":
                sender, recipients, chunks = address, [], b""
                say(self._answer(verb, address, "250 2.1.0 fine"))
            elif verb == "RCPT":
                if say(self._answer(verb, address, "250 2.1.5 fine")):
                    recipients.append(address)
            elif verb == "DATA" and recipients:
                say("354 go")
                wire = b""
                while (more := reader.readline()) and not (more == b".\r\n" and (not wire or wire.endswith(b"\r\n"))):
                    wire += more
                if not more:
                    return
                self._take(Delivered(sender, recipients, unstuffed(wire), verb), say)
                recipients = []
            elif verb == "BDAT":
                chunks += reader.read(int(words[1]))
                if words[-1].upper() == "LAST":
                    self._take(Delivered(sender, recipients, chunks, verb), say)
                    recipients = []
                else:
                    say("250 2.0.0 more")
            elif verb == "QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("503 5.5.1 not now" if verb == "DATA" else "250 2.0.0 fine")

    def _take(self, mail, say):
        reply = self._answer(".", mail.sender, "250 2.0.0 taken")
        if reply.startswith("2"):
            with self.lock:
                self.delivered.append(mail)
        say(reply)


@dataclasses.dataclass
class Step:
    """A command, what was answered, and the text where it had one."""
    command: str
    reply: str
    text: bytes = None


class Session:
    """What one connection carried: `client` as it came, in the pieces that it came in; `server` whole."""

    def __init__(self):
        self.client, self.server = [], b""

    def replies(self):
        """Without the greeting."""
        found, lines = [], []
        for line in self.server.decode("latin-1").splitlines(keepends=True):
            lines.append(line)
            if line[3:4] != "-":
                found.append("".join(lines))
                lines = []
        return found[1:]

    def greeting(self):
        return self.server.decode("latin-1").partition("\r\n")[0]

    def steps(self):
        """The session in plain, command by command, as far as it was answered."""
        wire, replies, steps = b"".join(self.client), iter(self.replies()), []
        while b"\r\n" in wire:
            line, _, wire = wire.partition(b"\r\n")
            verb, *words = line.decode("latin-1").split() or [""]
            text = None
            if verb.upper() == "BDAT":
                text, wire = wire[:int(words[0])], wire[int(words[0]):]
            reply = next(replies, None)
            if reply is None:
                break
            if verb.upper() == "DATA" and reply.startswith("354"):
                steps.append(Step("DATA", reply))
                if not wire.startswith(b".\r\n"):
                    text, dot, wire = wire.partition(b"\r\n.\r\n")
                    text = unstuffed(text + b"\r\n") if dot else None
                else:
                    text, wire = b"", wire[3:]
                if text is None:
                    break
                line, reply = b".", next(replies, "")
            steps.append(Step(line.decode("latin-1"), reply, text))
        return steps

    def commands(self):
        return [step.command.split()[0].upper() for step in self.steps() if step.command.split()]

    def texts(self):
        """Those that were taken; the chunks of one message as one."""
        found, chunks = [], b""
        for step in self.steps():
            if step.text is None:
                continue
            if step.command == ".":
                whole, done = step.text, True
            else:
                chunks += step.text
                whole, done = chunks, step.command.upper().endswith(" LAST")
            if done:
                chunks = b""
                if step.reply.startswith("250"):
                    found.append(whole)
        return found

    def pipelined(self):
        """Whether a piece held more than one command of an envelope."""
        return any(sum(piece.upper().count(verb) for verb in (b"MAIL FROM:", b"RCPT TO:", b"DATA\r\n", b"BDAT ")) > 1
                   and piece.upper().startswith((b"MAIL FROM:", b"RCPT TO:")) for piece in self.client)


class Tap:
    """Listens on `port` and hands everything on to `target`, a port that may change, both ways."""

    def __init__(self, target=None, port=None):
        self.target, self.sessions = target, []
        self.listener = socket.create_server(("127.0.0.1", port or 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # close alone would not wake who waits in accept
        self.listener.close()
        self.cut()

    def cut(self):
        """All connections at once."""
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def with_mail(self):
        return [session for session in self.sessions if b"MAIL FROM:" in b"".join(session.client).upper()]

    def texts(self):
        return [text for session in self.sessions for text in session.texts()]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), PATIENCE)
            except (OSError, TypeError):
                client.close()
                continue
            server.settimeout(None)
            session = Session()
            self.sessions.append(session)
            self.open += [client, server]
            threading.Thread(target=self._carry, args=(client, server, session.client.append), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, self._server_side(session)), daemon=True).start()

    @staticmethod
    def _server_side(session):
        def add(piece):
            session.server += piece
        return add

    @staticmethod
    def _carry(source, target, note):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                note(piece)
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
