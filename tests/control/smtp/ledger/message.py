# SPDX-License-Identifier: BSD-3-Clause
"""A message of the ledger: unique, with its fault, the way in which it is sent, and what became of it for each
of its recipients. Everything about it follows from its number and the seed."""

import dataclasses
import random

from tests.control.smtp.ledger.faults import Fault


# Octets, more than the kernel holds between control and a farm that does not read.
OVERFLOWING = 6_000_000


@dataclasses.dataclass
class Way:
    tls: bool  # STARTTLS first
    pipelined: bool  # the envelope, and DATA or the first chunk, in one piece (RFC 2920)
    chunks: bool  # BDAT (RFC 3030)


class Message:
    def __init__(self, number, fault: Fault, seed):
        dice = self.dice = random.Random(f"{seed}.{number}")
        self.number, self.fault = number, fault
        # Chunks reach the farm without a DATA, so there is nothing to answer.
        self.way = Way(tls=dice.random() < 0.3, pipelined=dice.random() < 0.4,
                       chunks=dice.random() < 0.3 and not (fault.who in ("farm", "replay") and fault.step == "data"))
        if fault.step in ("starttls", "handshake", "helo-again"):
            self.way.tls = True
        if fault.step == "data" and fault.kind == "pause" or fault.who == "replay":
            self.way.pipelined = False  # it pauses between the envelope and what follows
        body = bytearray()
        size = dice.choice((0, 1, 100, 3000, 5000, 40_000, 200_000))
        while len(body) < size:
            body += bytes(dice.choice((46, 46, 120, 0xC3, 0xFF, 32)) for _ in range(dice.randrange(90)))
            body += b"\r\n"
        if fault.step == "text" and fault.kind == "silent":
            body += (b"x" * 900 + b"\r\n") * (OVERFLOWING // 902)
        self.text = f"From: <ledger@b.example>\r\nMessage-ID: <{number}@b.example>\r\n\r\n".encode() + bytes(body)
        if self.way.chunks and dice.random() < 0.3:
            self.text += b"the end is within a line"
        self.place = dice.randrange(1 << 30)
        self.recipients = [f"{name}{number}@d.example" for name in "abc"[: dice.randrange(1, 4)]]
        if fault.step == "another-rcpt":
            self.recipients = [f"{name}{number}@d.example" for name in "ab"]
        self.outcomes = {}  # recipient -> "taken" or "refused"; others are still to be tried
        self.last_reply = ""
        self.tries = 0
        self.happened = False  # the fault, where it is the client's or a kill
        self.lost_answers = 0  # attempts of which the client does not know how they ended
        self.broken_off = 0  # attempts that ended without an answer, at whatever step
        self.after_silence = []  # codes of answers to texts of which the farm said nothing
        self.after_replay = []  # codes of final answers to attempts in which the farm thought otherwise

    @property
    def sender(self):
        """Of the attempt that is under way."""
        return self.fault.sender(self.number, self.tries)

    def waiting(self):
        return [r for r in self.recipients if r not in self.outcomes]
