# SPDX-License-Identifier: BSD-3-Clause
"""The ledger: unique messages through the real postern-control to a farm, with a fault in the way of
each: the client or the farm is cut or falls silent at every command and at many places of the text,
the farm answers 4xx and 5xx at every step, control or its worker is killed, the disk is full. Clients try again as
mail servers do. Then the books are closed: nothing that was acknowledged is missing, nothing was
altered, nothing is there twice but where an acknowledgement was lost, and nothing that the farm
refused for good was acknowledged. Each fault is named in the sender's address, where the farm reads
it. The same is done, with a fifth of the faults, at the door for the site's own mail, where messages
are signed and the farm is the smarthost. POSTERN_LEDGER_FAULTS says how many (500); POSTERN_CONTROL
and POSTERN_PROGRAM name the programs.
"""

import asyncio
import collections
import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import time

CONTROL = os.environ["POSTERN_CONTROL"]
POSTERN = os.environ["POSTERN_PROGRAM"]
FAULTS = int(os.environ.get("POSTERN_LEDGER_FAULTS", "500"))
AT_ONCE = 12
PATIENCE = 60  # for one answer; what is cut or silent is noticed much sooner by control's own limits
SOONER_OR_LATER = 600  # seconds within which a message is taken; only ends a hang
OUR_FIELDS = (b"Received:", (b"Authentication-Results:", b"DKIM-Signature:"))

POLICY = """\
list pool "pool.netset" format cidr category dynamic
service mx 127.0.0.1/32 port 25
connection to mx
    drop category dynamic
message
    accept any
"""

CLIENT_STEPS = ("helo", "mail", "rcpt", "data", "text", "dot", "answer")
FARM_STEPS = ("mail", "rcpt", "data", "text", "dot", "after")
FAULT_KINDS = (
    [("none", "", "")]
    + [("client", step, kind) for step in CLIENT_STEPS for kind in ("cut", "stall")]
    + [("farm", step, kind) for step in FARM_STEPS for kind in ("cut", "stall")]
    + [("farm", step, kind) for step in ("mail", "rcpt", "data", "dot") for kind in ("4xx", "5xx", "421")]
    + [("control", "kill", "kill")]
)


# Of connections that control makes, one in so many meets a fault before there is a message.
EARLY_FAULTS = 25
EARLY_KINDS = (("greeting", "cut"), ("greeting", "stall"), ("greeting", "4xx"), ("ehlo", "cut"), ("ehlo", "stall"),
               ("ehlo", "4xx"))


def free_port():
    """Of those that the kernel gives to no client, so that control finds it again after a kill."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Lost(Exception):
    """The other side is gone."""


def at_every_place(text, random_number):
    """Somewhere in the text, line ends and the final dot more often than not."""
    places = [0, 1, len(text) - 1, len(text) - 2, len(text) - 3, len(text) - 5]
    return max(0, min(len(text), places[random_number % len(places)] if random_number % 2 else
                      random_number % (len(text) + 1)))


def stuffed(text):
    lines = text.split(b"\r\n")
    return b"\r\n".join(b"." + l if l.startswith(b".") else l for l in lines) + b".\r\n"


class Farm:
    """Takes mail, and does to each message what its sender's address says, the first time."""

    def __init__(self):
        self.stored = collections.defaultdict(list)  # number of the message -> the texts
        self.done = set()  # faults that have happened
        self.connections, self.early = 0, 0

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 22)
        self.port = self.server.sockets[0].getsockname()[1]

    def fault_at(self, step, fault, number):
        """What is to happen here; each happens once, so that the next attempt succeeds."""
        if not fault or fault[:2] != ("farm", step) or number in self.done:
            return None
        self.done.add(number)
        return fault[2]

    async def serve(self, reader, writer):
        try:
            await self.converse(reader, writer)
        except (Lost, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def act(self, kind, writer, fine, silence=6):
        if kind in ("cut", "stall"):
            if kind == "stall":
                # Before the text longer than control waits; then it ends it, as control waits long.
                await asyncio.sleep(silence)
            raise Lost
        answers = {"4xx": "451 4.3.0 not now", "5xx": "554 5.6.0 never", "421": "421 4.3.2 closing"}
        writer.write((answers.get(kind, fine) + "\r\n").encode())
        await writer.drain()
        return kind is None

    async def converse(self, reader, writer):
        self.connections += 1
        early = ("", "")
        if self.connections % EARLY_FAULTS == 0:
            early = EARLY_KINDS[self.connections // EARLY_FAULTS % len(EARLY_KINDS)]
            self.early += 1
        await self.act(early[1] if early[0] == "greeting" else None, writer, "220 farm.example ESMTP")
        fault, number, rcpts = None, None, 0
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO" and early[0] == "ehlo":
                await self.act(early[1], writer, "")
            elif verb == b"EHLO":
                writer.write(b"250-farm.example\r\n250-SIZE 10000000\r\n250-8BITMIME\r\n250 CHUNKING\r\n")
            elif verb == b"MAIL":
                who, step, kind, number = line.split(b"<")[1].split(b"@")[0].decode().split(".")
                number, fault = int(number), (who, step, kind)
                rcpts = 0
                await self.act(self.fault_at("mail", fault, number), writer, "250 2.1.0 fine")
            elif verb == b"RCPT":
                rcpts += await self.act(self.fault_at("rcpt", fault, number), writer, "250 2.1.5 fine")
            elif verb == b"DATA" and rcpts:
                if await self.act(self.fault_at("data", fault, number), writer, "354 go"):
                    await self.take(reader, writer, fault, number, None)
            elif verb == b"BDAT" and rcpts:
                await self.take(reader, writer, fault, number, int(line.split()[1]))
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 fine\r\n")
            await writer.drain()

    async def take(self, reader, writer, fault, number, octets):
        kind = self.fault_at("text", fault, number)
        if kind:
            # Somewhere in the text, or behind it where it is shorter.
            with contextlib.suppress(asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.wait_for(reader.readexactly(1 + number * 7919 % 20_000), 1)
            await self.act(kind, writer, "", silence=1)
        if octets is None:
            text = b""
            while (line := await reader.readline()) != b".\r\n":
                if not line.endswith(b"\n"):
                    raise Lost
                text += line[1:] if line.startswith(b".") else line
        else:
            text = await reader.readexactly(octets)
        kind = self.fault_at("dot", fault, number)
        if kind:
            await self.act(kind, writer, "", silence=1)
            return
        self.stored[number].append(text)
        # The message is taken, and nobody hears of it.
        await self.act(self.fault_at("after", fault, number), writer, "250 2.0.0 queued", silence=1)


class Control:
    """postern-control in a file system of its own for messages, which is soon full."""

    def __init__(self, folder, farm_port, outbound):
        self.folder, self.farm_port, self.outbound = folder, farm_port, outbound
        (folder / "pool.netset").write_text("192.0.2.0/24\n")
        (folder / "site.policy").write_text(POLICY)
        subprocess.run([POSTERN, "compile", "--policy", folder / "site.policy", "-o", folder / "site.snap"],
                       check=True, capture_output=True)
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.port, self.process, self.kills = free_port(), None, 0
        self.killing = asyncio.Lock()
        self.log = (folder / "control.log").open("w")
        if outbound:
            subprocess.run([POSTERN, "keygen", "b.example", "s", "-o", "key.pem"], cwd=folder, check=True,
                           capture_output=True)
            (folder / "keys").write_text("b.example s key.pem\n")

    def doors(self):
        here, there = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.farm_port}"
        if not self.outbound:
            return ["--listen", here, "--farm", there]
        return ["--outbound", here, "--outbound-from", "127.0.0.0/8", "--smarthost", there, "--dkim-keys",
                str(self.folder / "keys")]

    async def start(self):
        words = [CONTROL, *self.doors(), "--snapshot", str(self.folder / "site.snap"), "--name", "mx.farm.example",
                 "--resolver", "127.0.0.1@9", "--greet-pause", "0", "--error-rate", "0", "--unknown-rate", "0",
                 "--spool", str(self.spool), "--spool-memory", "4K",
                 "--command-time", "3s", "--text-time", "3s", "--farm-connect-time", "3s",
                 # For the final answer as long as a farm may be slow here: else a message would be there
                 # twice because this test was not scheduled.
                 "--farm-reply-time", "3s", "--farm-final-time", "60s"]
        if os.getuid() == 0:
            # One of the largest messages fits, two at once do not.
            words = ["unshare", "-m", "sh", "-c",
                     'mount -t tmpfs -o size=300k none "$0" && exec "$@"', str(self.spool)] + words
        self.process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=self.log)
        ready = (await self.process.stdout.readline()).decode()
        assert ready.startswith("ready "), (self.folder / "control.log").read_text()[-2000:]

    async def kill(self):
        async with self.killing:
            self.kills += 1
            if self.kills % 2 == 0:  # a worker alone: its parent starts another one, and connections wait
                pid = self.process.pid
                for worker in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                    os.kill(int(worker), signal.SIGKILL)
                return
            self.process.kill()
            await self.process.wait()
            await self.start()

    async def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self.process.wait(), PATIENCE)
        self.log.close()
        assert "system-call state=refused" not in (self.folder / "control.log").read_text()
        return status


class Message:
    def __init__(self, number, fault, dice):
        self.number, self.fault, self.dice = number, fault, dice
        self.sender = ".".join(fault) + f".{number}@b.example"
        body = bytearray()
        size = dice.choice((0, 1, 100, 3000, 5000, 40_000, 200_000))
        while len(body) < size:
            body += bytes(dice.choice((46, 46, 120, 0xC3, 0xFF, 32)) for _ in range(dice.randrange(90)))
            body += b"\r\n"
        self.text = (f"From: <ledger@b.example>\r\nMessage-ID: <{number}@b.example>\r\n\r\n").encode() + bytes(body)
        # Chunks reach the farm without a DATA, so there is nothing to answer.
        self.chunks = dice.random() < 0.3 and fault[:2] != ("farm", "data")
        if self.chunks and dice.random() < 0.3:
            self.text += b"the end is within a line"
        self.place = dice.randrange(1 << 30)
        self.outcome = None  # "250", "5xx"
        self.last_reply = ""
        self.tries = 0
        self.happened = False  # the fault, where it is the client's or a kill
        self.lost_answers = 0  # attempts of which the client does not know how they ended
        self.broken_off = 0  # attempts that ended without an answer, at whatever step


class Client:
    """One attempt to send a message."""

    def __init__(self, control, message):
        self.control, self.message = control, message
        self.faulty = message.fault[0] == "client" and not message.happened
        self.text_sent = False
        self.offered = set()  # the keywords of EHLO

    async def reply(self):
        while True:
            line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
            if not line.endswith(b"\n"):
                raise Lost
            if line[3:4] != b"-":
                self.offered.add(line[4:].split()[0])
                self.message.last_reply = line.decode().strip()
                return int(line[:3])
            self.offered.add(line[4:].split()[0])

    async def say(self, words, step):
        """A command; a fault here cuts the connection in the middle of it, or says nothing more."""
        if self.faulty and self.message.fault[1] == step:
            whole = words + b"\r\n"
            self.writer.write(whole[: self.message.place % (len(whole) + 1)])
            await self.break_off()
        self.writer.write(words + b"\r\n")
        return await self.reply()

    async def break_off(self):
        self.message.happened = True
        await self.writer.drain()
        if self.message.fault[2] == "stall":
            await self.reader.read()  # until control has had enough
        raise Lost

    async def run(self):
        """The code that the message was answered with. Raises Lost."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.control.port)
        try:
            code = await self.reply()
            if code == 220:
                code = await self.say(b"EHLO client.example", "helo")
            if code == 250:
                code = await self.say(f"MAIL FROM:<{self.message.sender}>".encode(), "mail")
            if code == 250:
                code = await self.say(b"RCPT TO:<c@d.example>", "rcpt")
            if code == 250 and self.message.chunks and b"CHUNKING" not in self.offered:
                code = 450  # control has only just begun and does not know the farm: later
            if code == 250:
                code = await (self.send_chunks() if self.message.chunks else self.send_data())
            self.writer.write(b"QUIT\r\n")
            return code
        finally:
            self.writer.close()

    async def send_data(self):
        code = await self.say(b"DATA", "data")
        if code != 354:
            return code
        return await self.send_text(stuffed(self.message.text))

    async def send_chunks(self):
        text = self.message.text
        half = self.message.place % (len(text) + 1)
        if self.faulty and self.message.fault[1] == "data":
            await self.say(f"BDAT {half}".encode(), "data")
        self.writer.write(f"BDAT {half}\r\n".encode() + text[:half])
        code = await self.reply()
        if code != 250:
            return code
        return await self.send_text(f"BDAT {len(text) - half} LAST\r\n".encode() + text[half:])

    async def send_text(self, wire):
        step = self.message.fault[1] if self.faulty else ""
        if step in ("text", "dot"):
            # "dot": all but a few octets of the end.
            place = at_every_place(wire, self.message.place)
            cut = len(wire) - 1 - self.message.place % 4 if step == "dot" else place
            self.writer.write(wire[: min(cut, len(wire) - 1)])
            await self.break_off()
        killing = self.message.fault[0] == "control" and not self.message.happened
        if killing and self.message.place % 2:
            self.message.happened = True
            place = at_every_place(wire, self.message.place)
            self.text_sent = place == len(wire)
            self.writer.write(wire[:place])
            await self.writer.drain()
            await self.control.kill()
            raise Lost
        self.text_sent = True
        self.writer.write(wire)
        await self.writer.drain()
        if killing:
            # Somewhere between the last octet and the answer, on both sides of the farm's.
            self.message.happened = True
            await asyncio.sleep(self.message.place % 1000 / 50_000)
            await self.control.kill()
        if step == "answer":
            await self.break_off()
        return await self.reply()


async def deliver(control, message):
    """As a mail server does it: again and again, until it is taken or refused for good."""
    end = time.monotonic() + SOONER_OR_LATER
    while message.outcome is None:
        message.tries += 1
        assert time.monotonic() < end, f"{message.sender} is never taken"
        client = Client(control, message)
        try:
            code = await client.run()
            if 200 <= code < 300:
                message.outcome = "250"
            elif code >= 500:
                message.outcome = "5xx"
        except (Lost, ConnectionError, asyncio.IncompleteReadError):
            message.lost_answers += client.text_sent
            message.broken_off += 1
        if message.outcome is None:
            await asyncio.sleep(message.dice.random() * 0.2)


def without_our_fields(text):
    for name in OUR_FIELDS:
        assert text.startswith(name), text[:200]
        end = text.find(b"\r\n")
        while text[end + 2 : end + 3] in (b" ", b"\t"):
            end = text.find(b"\r\n", end + 2)
        text = text[end + 2 :]
    return text


def close_the_books(messages, farm):
    wrong = []
    for message in messages:
        stored = [without_our_fields(t) for t in farm.stored[message.number]]
        name = f"{message.sender} ({message.outcome}, {len(stored)} stored)"
        if message.outcome == "250" and not stored:
            wrong.append(f"{name}: acknowledged and not there")
        if any(text != message.text for text in stored):
            wrong.append(f"{name}: altered")
        lost = message.lost_answers + (message.fault[:2] == ("farm", "after"))
        if len(stored) > 1 + lost:
            wrong.append(f"{name}: more than once, and only {lost} acknowledgements were lost")
        # The farm refuses once; whom a kill kept from hearing it has the next attempt taken.
        unheard = message.outcome == "250" and message.broken_off > 0
        refused = message.fault[2] == "5xx" and not unheard
        if (message.outcome == "5xx") != refused or (message.outcome == "5xx" and stored):
            wrong.append(f"{name}: refused for good without a reason, or not with one: {message.last_reply}")
    return wrong


async def keep_the_ledger(folder, faults, outbound):
    farm = Farm()
    await farm.start()
    control = Control(folder, farm.port, outbound)
    await control.start()
    dice = random.Random(5321)
    messages = []
    for number in range(faults):
        fault = FAULT_KINDS[number % len(FAULT_KINDS)]
        messages.append(Message(number, fault, random.Random(dice.random())))
    waiting = iter(messages)

    async def work():
        for message in waiting:
            await deliver(control, message)

    begun = time.monotonic()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    took = time.monotonic() - begun
    assert await control.stop() == 0
    log = (folder / "control.log").read_text()
    print(f"{len(messages)} messages, {sum(m.tries for m in messages)} attempts, {len(farm.done) + farm.early} faults of the "
          f"farm, {control.kills} kills, {sum(m.lost_answers for m in messages)} answers lost, "
          f"{sum(len(s) - 1 for s in farm.stored.values() if s)} duplicates, "
          f"{log.count('452 4.3.1')} times no room, {took:.0f} s")
    assert close_the_books(messages, farm) == []
    # The faults did happen.
    assert control.kills == sum(m.fault[0] == "control" for m in messages)
    assert all(m.happened for m in messages if m.fault[0] in ("client", "control"))
    assert farm.done == {m.number for m in messages if m.fault[0] == "farm"}
    if os.getuid() == 0 and faults >= 500:
        assert "452 4.3.1" in log, "the disk was never full"


def test_nothing_is_lost_and_nothing_is_altered(tmp_path):
    asyncio.run(keep_the_ledger(pathlib.Path(tmp_path), FAULTS, outbound=False))


def test_the_same_on_its_way_out(tmp_path):
    asyncio.run(keep_the_ledger(pathlib.Path(tmp_path), FAULTS // 5, outbound=True))


def test_the_books_notice():
    """Each kind of wrong is found when it is there."""
    def message(outcome, fault=("none", "", ""), lost=0):
        m = Message(1, fault, random.Random(1))
        m.outcome, m.lost_answers = outcome, lost
        return m

    def found(m, *stored):
        farm = Farm()
        farm.stored[1] = [b"Received: x\r\n\tby y\r\nAuthentication-Results: z\r\n" + s for s in stored]
        return [w.split(": ")[1] for w in close_the_books([m], farm)]

    text = message("250").text
    assert found(message("250"), text) == []
    assert found(message("250")) == ["acknowledged and not there"]
    assert found(message("250"), text + b"x") == ["altered"]
    assert found(message("250"), text, text) == ["more than once, and only 0 acknowledgements were lost"]
    assert found(message("250", lost=1), text, text) == []
    assert found(message("5xx"), text) == ["refused for good without a reason, or not with one"]
    assert found(message("5xx", ("farm", "dot", "5xx"))) == []
    taken = message("250", ("farm", "mail", "5xx"))
    assert found(taken, taken.text) == ["refused for good without a reason, or not with one"]
    taken.broken_off = 1
    assert found(taken, taken.text) == []
