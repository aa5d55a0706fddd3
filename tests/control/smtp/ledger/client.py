# SPDX-License-Identifier: BSD-3-Clause
"""The ledger's client: sends a message as a mail server does, again and again, until each recipient is taken or
refused for good; and is cut, silent, slow, or has control killed where the message's fault says so."""

import asyncio
import ssl
import time

from tests.control.smtp.ledger.control import PATIENCE
from tests.control.smtp.ledger.faults import FINAL_TIME, Lost
from tests.support.smtp_wire import stuffed

SOONER_OR_LATER = 600  # seconds within which a message is taken; only ends a hang


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def at_every_place(text, random_number):
    """Somewhere in the text, line ends and the final dot more often than not."""
    places = [0, 1, len(text) - 1, len(text) - 2, len(text) - 3, len(text) - 5]
    return max(0, min(len(text), places[random_number % len(places)] if random_number % 2 else
                      random_number % (len(text) + 1)))


async def deliver(control, farm, message):
    end = time.monotonic() + SOONER_OR_LATER
    while message.waiting():
        message.tries += 1
        assert time.monotonic() < end, f"{message.sender} is never taken: {message.last_reply}"
        farm.replays.discard(message.number)
        attempt = Attempt(control, farm, message)
        try:
            await attempt.run()
        except (Lost, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            message.lost_answers += attempt.text_sent
            message.broken_off += 1
        if message.waiting():
            await asyncio.sleep(message.dice.random() * 0.2)


class Attempt:
    """One session."""

    def __init__(self, control, farm, message):
        self.control, self.farm, self.message = control, farm, message
        self.fault = None if message.happened else message.fault
        self.text_sent = False
        self.offered = set()  # the keywords of EHLO

    def is_at(self, who, step, kind=None):
        fault = self.fault
        return fault is not None and fault.who == who and fault.step == step and kind in (None, fault.kind)

    async def reply(self):
        while True:
            line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
            if not line.endswith(b"\n"):
                raise Lost
            self.offered.add(line[4:].split()[0])
            if line[3:4] != b"-":
                self.message.last_reply = line.decode().strip()
                return int(line[:3])

    async def break_off(self):
        """Cuts the connection, or says nothing until control has had enough."""
        self.message.happened = True
        await self.writer.drain()
        if self.fault.kind == "stall":
            await self.reader.read()
        raise Lost

    async def kill_control(self):
        self.message.happened = True
        self.fault = None
        await self.control.kill()

    async def say(self, *commands):
        """Commands with their steps, in one piece, and what is answered to them. A fault at one of them cuts the
        connection in the middle of it, or says nothing more, or kills control before or behind it."""
        wire = b""
        for words, step in commands:
            whole = words if b"\r\n" in words else words + b"\r\n"  # a chunk is whole
            if self.is_at("client", step, "cut") or self.is_at("client", step, "stall"):
                self.writer.write(wire + whole[: self.message.place % (len(whole) + 1)])
                await self.break_off()
            if self.is_at("control", step):
                if self.message.place % 2:
                    self.writer.write(wire)
                    await self.kill_control()
                    wire = b""
                else:
                    self.writer.write(wire + whole)
                    await self.kill_control()
                    wire = whole = b""
            wire += whole
        self.writer.write(wire)
        return [await self.reply() for _ in commands]

    async def pause(self):
        """Silence, until control has given the backend back."""
        await self.farm.wait_for_release(self.message.number, self.message.tries, PATIENCE)

    async def run(self):
        """Notes what is answered. Raises Lost."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.control.port, limit=1 << 20)
        try:
            if await self.reply() == 220 and await self.hello():
                await self.send()
            self.writer.write(b"QUIT\r\n")
        finally:
            self.writer.close()

    async def hello(self):
        [code] = await self.say((b"EHLO client.example", "helo"))
        if code != 250 or not self.message.way.tls:
            return code == 250
        [code] = await self.say((b"STARTTLS", "starttls"))
        if code != 220:
            return False
        if self.is_at("client", "handshake") or self.is_at("control", "handshake"):
            self.writer.write(b"\x16\x03\x01\x02\x00"[: self.message.place % 6])
            if self.fault.who == "client":
                await self.break_off()
            await self.kill_control()
            raise Lost
        await asyncio.wait_for(self.writer.start_tls(any_certificate()), PATIENCE)
        self.offered.clear()
        [code] = await self.say((b"EHLO client.example", "helo-again"))
        return code == 250

    def takes_chunks(self):
        # Control has only just begun and does not know the farm: DATA, or later.
        return self.message.way.chunks and b"CHUNKING" in self.offered

    async def send(self):
        message = self.message
        if message.way.chunks and not self.takes_chunks():
            return
        asked = message.waiting()
        mail = (f"MAIL FROM:<{message.sender}>".encode(), "mail")
        envelope = [(f"RCPT TO:<{r}>".encode(), "rcpt" if r == asked[0] else "another-rcpt") for r in asked]
        next_words = self.first_chunk() if message.way.chunks else (b"DATA", "data")
        if message.way.pipelined:
            codes = await self.say(mail, *envelope, next_words)
            await self.after_envelope(asked, codes[1:-1], codes[-1])
            return
        [code] = await self.say(mail)
        if code != 250:
            return
        codes = [(await self.say(rcpt))[0] for rcpt in envelope]
        if not any(code == 250 for code in codes):
            self.note_recipients(asked, codes)
            return
        if self.is_at("client", "data", "pause") or (message.fault.who == "replay" and
                                                     not self.farm.done[message.number]):
            await self.pause()
            message.happened |= message.fault.who == "client"
            if message.fault.who == "replay":
                self.farm.replays.add(message.number)
        [code] = await self.say(next_words)
        await self.after_envelope(asked, codes, code)

    def note_recipients(self, asked, codes):
        for recipient, code in zip(asked, codes):
            if code >= 500:
                self.message.outcomes[recipient] = "refused"

    def first_chunk(self):
        text = self.message.text
        half = self.message.place % (len(text) + 1)
        return f"BDAT {half}\r\n".encode() + text[:half], "data"

    async def after_envelope(self, asked, codes, code):
        """code: of DATA or the first chunk."""
        accepted = [r for r, c in zip(asked, codes) if c == 250]
        if code == 354 and not accepted:
            await self.say((b".", "nothing"))
        elif code == (250 if self.message.way.chunks else 354):
            done = self.farm.done[self.message.number]
            code = await self.send_text()
            if self.farm.done[self.message.number] and self.message.number in self.farm.replays:
                self.message.after_replay.append(code)
            if self.message.fault.kind == "silent" and self.farm.done[self.message.number] > done:
                self.message.after_silence.append(code)
            # In a farm's little time, the test's own may run out.
            if self.control.final_time <= FINAL_TIME and self.message.last_reply.startswith(("451 4.4.1", "451 4.4.7")):
                self.message.lost_answers += 1
        self.note_recipients(asked, codes)
        if accepted and code >= 500:
            self.message.outcomes |= dict.fromkeys(accepted, "refused")
        elif accepted and code == 250:
            self.message.outcomes |= dict.fromkeys(accepted, "taken")

    def rest(self):
        text = self.message.text
        if not self.message.way.chunks:
            return stuffed(text)
        half = self.message.place % (len(text) + 1)
        return f"BDAT {len(text) - half} LAST\r\n".encode() + text[half:]

    async def send_text(self):
        """-> the code of the final answer."""
        message, wire = self.message, self.rest()
        place = at_every_place(wire, message.place)
        if self.is_at("client", "text", "pause"):
            place = min(place, len(wire) - 1)
            self.writer.write(wire[:place])
            await self.writer.drain()
            await self.pause()
            message.happened = True
            wire = wire[place:]
        elif self.is_at("client", "text") or self.is_at("client", "dot"):
            # "dot": all but a few octets of the end.
            cut = len(wire) - 1 - message.place % 4 if self.fault.step == "dot" else place
            self.writer.write(wire[: max(0, min(cut, len(wire) - 1))])
            await self.break_off()
        elif self.is_at("control", "text") or self.is_at("control", "dot"):
            if self.fault.step == "dot":  # somewhere in the octets of the end, the last one with them
                place = max(0, len(wire) - message.place % 4)
            self.text_sent = place == len(wire)
            self.writer.write(wire[:place])
            await self.writer.drain()
            await self.kill_control()
            raise Lost
        self.text_sent = True
        self.writer.write(wire)
        await self.writer.drain()
        if self.is_at("control", "answer"):
            # Somewhere between the last octet and the answer, on both sides of the farm's.
            await asyncio.sleep(message.place % 1000 / 50_000)
            await self.kill_control()
        if self.is_at("client", "answer"):
            await self.break_off()
        return await self.reply()
