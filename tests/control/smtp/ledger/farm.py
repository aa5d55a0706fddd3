# SPDX-License-Identifier: BSD-3-Clause
"""The ledger's farm: two backends, one of them over TLS, that keep every text with its recipients and do to
each message what its sender's address says, the first time. Limits: what it takes is what control says, with
no more than the syntax that control uses."""

import asyncio
import collections
import contextlib
import ssl
import time

from tests.control.smtp.ledger.faults import EARLY_EVERY, EARLY_FAULTS, EARLY_FAULTS_WITH_TLS, FINAL_TIME, Fault, Lost

ANSWERS = {"4xx": "451 4.3.0 not now", "5xx": "554 5.6.0 never", "421": "421 4.3.2 closing"}


class Farm:
    def __init__(self, tls):
        self.tls = tls  # the SSL context of the second backend
        self.stored = collections.defaultdict(list)  # number of the message -> [(recipients, text)]
        self.done = collections.Counter()  # faults that have happened, by number of the message
        self.early = collections.Counter()  # likewise, by step and kind
        self.envelopes = collections.Counter()  # MAIL, by number of the message
        self.replays = set()  # numbers of messages whose next envelope is said again
        self.taken_by = collections.Counter()  # texts, by backend
        self.outwaited = collections.Counter()  # silences that control ended, by number of the message
        self.released = {}  # (number of the message, attempt) -> set when the leg with its envelope let go of it

    async def start(self):
        self.servers = [await asyncio.start_server(lambda r, w, number=n: self.serve(number, r, w), "127.0.0.1", 0,
                                                   limit=1 << 22) for n in range(2)]
        self.ports = [server.sockets[0].getsockname()[1] for server in self.servers]
        self.connections = [0, 0]

    def release_of(self, number, attempt):
        return self.released.setdefault((number, attempt), asyncio.Event())

    async def wait_for_release(self, number, attempt, patience):
        """Until control has given back the leg that had the envelope of this attempt."""
        await asyncio.wait_for(self.release_of(number, attempt).wait(), patience)

    async def silences_over(self, numbers, patience=30):
        """Until control has hung up on these, or will not: some messages were taken sooner by the other backend."""
        end = time.monotonic() + patience
        while numbers - set(self.outwaited) and time.monotonic() < end:
            await asyncio.sleep(0.1)

    async def serve(self, backend, reader, writer):
        leg = Leg(self, backend, reader, writer)
        try:
            await leg.converse()
        except (Lost, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            leg.let_go()
            writer.close()


class Leg:
    """One connection that control has made."""

    def __init__(self, farm, backend, reader, writer):
        self.farm, self.backend, self.reader, self.writer = farm, backend, reader, writer
        farm.connections[backend] += 1
        self.early = ("", "")
        kinds = EARLY_FAULTS_WITH_TLS if backend == 1 else EARLY_FAULTS
        turn, rest = divmod(farm.connections[backend], EARLY_EVERY)
        if rest == 0:
            self.early = kinds[turn % len(kinds)]
        self.secure = False
        self.fault, self.number, self.attempt, self.recipients = None, None, None, []

    def let_go(self):
        if self.number is not None:
            self.farm.release_of(self.number, self.attempt).set()
        self.number, self.fault, self.recipients = None, None, []

    def fault_at(self, step):
        """What is to happen here; each happens once."""
        fault, number = self.fault, self.number
        if fault is None or fault.step != step or self.farm.done[number]:
            return None
        if fault.who != "farm" and not (fault.who == "replay" and number in self.farm.replays):
            return None
        self.farm.done[number] += 1
        return fault.kind

    def early_at(self, step):
        if self.early[0] != step:
            return None
        self.farm.early[self.early] += 1
        return self.early[1]

    async def say_nothing(self, reads):
        """Until control hangs up."""
        if not reads:
            self.writer.transport.pause_reading()
            await asyncio.sleep(2 * FINAL_TIME)
            self.writer.transport.resume_reading()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await asyncio.wait_for(self.reader.read(), 60)
        self.farm.outwaited[self.number] += 1
        raise Lost

    async def act(self, kind, fine, silence=6):
        """Answers, or does what the fault is; whether all is well."""
        if kind == "silent":
            await self.say_nothing(reads=self.fault.step != "text")
        if kind in ("cut", "stall"):
            if kind == "stall":
                # Before the text longer than control waits; then it ends it, as control waits long.
                await asyncio.sleep(silence)
            raise Lost
        self.writer.write((ANSWERS.get(kind, fine) + "\r\n").encode())
        await self.writer.drain()
        if kind == "421":
            raise Lost
        return kind is None

    async def converse(self):
        await self.act(self.early_at("greeting"), "220 farm.example ESMTP")
        while line := await self.reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                await self.hello()
            elif verb == b"STAR":
                if await self.act(self.early_at("starttls"), "220 go"):
                    await self.writer.start_tls(self.farm.tls)
                    self.secure = True
            elif verb == b"MAIL":
                await self.mail(line)
            elif verb == b"RCPT":
                if await self.act(self.fault_at("rcpt"), "250 2.1.5 fine"):
                    self.recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            elif verb in (b"DATA", b"BDAT"):
                if not self.recipients:
                    await self.without_recipients(line)
                elif verb == b"BDAT" or await self.act(self.fault_at("data"), "354 go"):
                    await self.take(int(line.split()[1]) if verb == b"BDAT" else None)
            elif verb == b"QUIT":
                await self.act(None, "221 2.0.0 bye")
                return
            else:  # RSET
                self.let_go()
                await self.act(None, "250 2.0.0 fine")

    async def hello(self):
        kind = self.early_at("ehlo")
        words = ["farm.example", "SIZE 10000000", "8BITMIME", "CHUNKING"]
        if self.backend == 1 and not self.secure:
            words.append("STARTTLS")
        await self.act(kind, "\r\n".join(f"250{'-' if w != words[-1] else ' '}{w}" for w in words))

    async def mail(self, line):
        self.let_go()
        self.fault, self.number, self.attempt = Fault.of(line.split(b"<")[1].decode())
        self.farm.envelopes[self.number] += 1
        await self.act(self.fault_at("mail"), "250 2.1.0 fine")

    async def without_recipients(self, line):
        if line[:4].upper() == b"BDAT":
            await self.reader.readexactly(int(line.split()[1]))
        await self.act(None, "503 5.5.1 no recipients")

    async def take(self, octets):
        kind = self.fault_at("text")
        if kind:
            # Somewhere in the text, or behind it where it is shorter.
            with contextlib.suppress(asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.wait_for(self.reader.readexactly(1 + self.number * 7919 % 20_000), 1)
            await self.act(kind, "", silence=1)
        if octets is None:
            text = b""
            while (line := await self.reader.readline()) != b".\r\n":
                if not line.endswith(b"\n"):
                    raise Lost
                text += line[1:] if line.startswith(b".") else line
        else:
            text = await self.reader.readexactly(octets)
        kind = self.fault_at("dot")
        if kind:
            await self.act(kind, "", silence=1)
            self.let_go()
            return
        self.farm.stored[self.number].append((self.recipients, text))
        self.farm.taken_by[self.backend] += 1
        # The message is taken, and with a fault nobody hears of it.
        await self.act(self.fault_at("after"), "250 2.0.0 queued", silence=1)
        self.let_go()
