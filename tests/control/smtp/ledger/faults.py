# SPDX-License-Identifier: BSD-3-Clause
"""The faults of the ledger: who does what at which step. One goes with each message, is named in its
sender's address, and happens once, so that a later attempt succeeds. Those of connections that control makes
before there is a message are dealt out by the farm among all of them."""

import dataclasses


class Lost(Exception):
    """The other side is gone."""


@dataclasses.dataclass(frozen=True)
class Fault:
    who: str  # client, farm, control, replay or none
    step: str
    kind: str

    def sender(self, number, attempt):
        return f"{self.who}.{self.step}.{self.kind}.{number}.{attempt}@b.example"

    @staticmethod
    def of(address):
        """-> the fault, the number of the message and of the attempt that a sender's address names."""
        who, step, kind, number, attempt = address.split("@")[0].split(".")
        return Fault(who, step, kind), int(number), int(attempt)

    def refuses(self):
        """Whether the farm refuses for good, and the client is to hear it as it is."""
        return self.who == "farm" and self.kind == "5xx"


NOTHING = Fault("none", "-", "-")

CLIENT_STEPS = ("helo", "starttls", "handshake", "helo-again", "mail", "rcpt", "another-rcpt", "data", "text", "dot",
                "answer")
FARM_STEPS = ("mail", "rcpt", "data", "text", "dot", "after")
KILL_STEPS = CLIENT_STEPS
FAULTS = (
    [NOTHING]
    + [Fault("client", step, kind) for step in CLIENT_STEPS for kind in ("cut", "stall")]
    + [Fault("farm", step, kind) for step in FARM_STEPS for kind in ("cut", "stall")]
    + [Fault("farm", step, kind) for step in ("mail", "rcpt", "data", "dot") for kind in ("4xx", "5xx", "421")]
    # The client is silent for so long that its backend is given back, and goes on: the envelope is said again.
    + [Fault("client", step, "pause") for step in ("data", "text")]
    # The same, and the farm thinks otherwise of a recipient then, or is gone.
    + [Fault("replay", step, kind) for step in ("mail", "rcpt", "data") for kind in ("4xx", "cut")]
    + [Fault("replay", "rcpt", "5xx")]
    + [Fault("control", step, "kill") for step in KILL_STEPS]
)

# The farm keeps the connection and says nothing more, nor reads a text to its end: only control's own time ends that.
# The client is to hear of it, and where the farm has the message, it is there twice.
FINAL_TIME = 3  # seconds that control gives the farm then
SILENCES = [NOTHING] + [Fault("farm", step, "silent") for step in ("text", "dot", "after")]

# Of connections to the farm, one in so many meets a fault before there is a message.
EARLY_EVERY = 12
EARLY_FAULTS = [(step, kind) for step in ("greeting", "ehlo") for kind in ("cut", "stall", "4xx", "5xx")]
EARLY_FAULTS_WITH_TLS = EARLY_FAULTS + [("starttls", kind) for kind in ("cut", "4xx", "5xx")]
