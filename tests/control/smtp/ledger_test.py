# SPDX-License-Identifier: BSD-3-Clause
"""The ledger: unique messages through the real postern-control to a farm of two backends, with a fault in the way
of each (ledger/faults.py): the client or the farm is cut or falls silent at every command and at many places of the
text, the farm answers 4xx and 5xx at every step, a client pauses and the farm thinks otherwise of its recipients by
then, control or its workers are killed at every command, the disk is full. One to three recipients, in plain and
over TLS, command by command and pipelined, DATA and BDAT. Clients try again as mail servers do. Then the books are
closed (ledger/books.py): for each recipient nothing that was acknowledged is missing, nothing was altered, nothing
is there twice but where an acknowledgement was lost, and nothing that the farm refused for good was acknowledged.
In a ledger by itself, with two workers, the farm keeps the connection and says nothing more until control's own
time for it has passed.
The same is done, with a fifth of the faults, at the door for the site's own mail, where messages are signed and the
farm are smarthosts. POSTERN_LEDGER_FAULTS says how many (500), POSTERN_LEDGER_SEED which (5321); POSTERN_CONTROL and
POSTERN_PROGRAM name the programs.
"""

import asyncio
import collections
import os
import pathlib
import ssl
import time

import pytest

from tests.control.smtp.ledger.books import close_the_books
from tests.control.smtp.ledger.client import deliver
from tests.control.smtp.ledger.control import Control
from tests.control.smtp.ledger.farm import Farm
from tests.control.smtp.ledger.faults import FAULTS as KINDS
from tests.control.smtp.ledger.faults import EARLY_FAULTS_WITH_TLS, FINAL_TIME, NOTHING, SILENCES, Fault
from tests.control.smtp.ledger.message import Message
from tests.support.certificate_authority import Authority

FAULTS = int(os.environ.get("POSTERN_LEDGER_FAULTS", "500"))
SEED = int(os.environ.get("POSTERN_LEDGER_SEED", "5321"))
AT_ONCE = 12


def is_replayed(fault):
    return fault.who == "replay" or fault.kind == "pause"


async def keep_the_ledger(folder, faults, kinds=KINDS, **ways):
    print(f"seed {SEED}")  # told by whatever fails
    authority = Authority(folder, "authority")
    shown = {who: authority.sign(who, f"/CN={who}.example", f"DNS:{who}.example") for who in ("mx", "farm")}
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(shown["farm"][1], shown["farm"][3])
    farm = Farm(tls)
    await farm.start()
    control = Control(folder, farm.ports, shown["mx"], **ways)
    await control.start()
    messages = [Message(number, kinds[number % len(kinds)], SEED) for number in range(faults)]
    waiting = iter(messages)

    async def work():
        for message in waiting:
            await deliver(control, farm, message)

    begun = time.monotonic()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    took = time.monotonic() - begun
    await farm.silences_over({m.number for m in messages if m.fault.kind == "silent"})
    assert await control.stop() == 0
    no_room = control.said().count("452 4.3.1")
    tell(messages, farm, control, no_room, took)
    assert close_the_books(messages, farm.stored) == []
    assert what_never_happened(messages, farm, control, kinds) == []
    if os.getuid() == 0 and faults >= 100 and "room" not in ways:
        assert no_room, "the disk was never full"


def tell(messages, farm, control, no_room, took):
    recipients = [outcome for m in messages for outcome in m.outcomes.values()]
    print(f"{len(messages)} messages for {len(recipients)} recipients (seed {SEED}), {sum(m.tries for m in messages)} "
          f"attempts: {recipients.count('taken')} taken, {recipients.count('refused')} refused; faults: "
          f"{sum(m.happened for m in messages if m.fault.who == 'client')} of clients, {farm.done.total()} of the farm, "
          f"{farm.early.total()} of it before a message, {len(farm.outwaited)} silences ended by control, {control.kills} kills; "
          f"{sum(farm.envelopes[m.number] > m.tries for m in messages)} envelopes said again, "
          f"{sum(m.lost_answers for m in messages)} answers lost, "
          f"{sum(len(s) - 1 for s in farm.stored.values() if s)} messages there in parts or again, {no_room} times no "
          f"room; {sum(m.way.tls for m in messages)} over TLS, {sum(m.way.pipelined for m in messages)} pipelined, "
          f"{sum(m.way.chunks for m in messages)} in chunks; texts by backend {dict(farm.taken_by)}; {took:.0f} s")
    for fault, count in collections.Counter(m.fault for m in messages).items():
        print(f"  {fault.who} {fault.step} {fault.kind}: {count}")


def what_never_happened(messages, farm, control, kinds):
    """Faults and ways of sending that were planned, and did not come about."""
    missing = [m.sender for m in messages if m.fault.who in ("client", "control") and not m.happened]
    missing += [m.sender for m in messages if m.fault.who in ("farm", "replay") and not farm.done[m.number]]
    missing += [f"{m.sender}: its envelope was not said again" for m in messages
                if is_replayed(m.fault) and farm.envelopes[m.number] < 2]
    missing += [f"{m.sender}: no answer after a replay" for m in messages
                if m.fault.who == "replay" and m.fault.step == "rcpt" and not m.after_replay and not m.broken_off]
    if control.kills != sum(m.fault.who == "control" for m in messages):
        missing.append(f"{control.kills} kills")
    missing += [f"{m.sender}: control did not end the silence, or the client heard nothing" for m in messages
                if m.fault.kind == "silent" and not (farm.outwaited[m.number] and m.after_silence)]
    if len(messages) >= 500:
        missing += [f"before a message: {fault}" for fault in EARLY_FAULTS_WITH_TLS if not farm.early[fault]]
    if len(farm.taken_by) != 2:
        missing.append("a backend that takes mail")
    for what in ("tls", "pipelined", "chunks"):
        missing += [f"{what}: {wanted}" for wanted in (True, False)
                    if not any(getattr(m.way, what) == wanted and "taken" in m.outcomes.values() for m in messages)]
    if len(messages) >= len(kinds) and {m.fault for m in messages} != set(kinds):
        missing.append("kinds of faults")
    return missing


def test_nothing_is_lost_and_nothing_is_altered(tmp_path):
    asyncio.run(keep_the_ledger(pathlib.Path(tmp_path), FAULTS))


def test_the_same_on_its_way_out(tmp_path):
    asyncio.run(keep_the_ledger(pathlib.Path(tmp_path), FAULTS // 5, outbound=True))


@pytest.mark.parametrize("outbound", [False, True])
def test_a_farm_that_never_answers(tmp_path, outbound):
    asyncio.run(keep_the_ledger(pathlib.Path(tmp_path), max(24, FAULTS // 10), SILENCES, outbound=outbound,
                                final_time=FINAL_TIME, workers=2, room="200m"))


def test_the_books_notice():
    """Each kind of wrong is found when it is there."""
    def message(outcome, fault=NOTHING, lost=0, recipients=1):
        m = Message(1, fault, SEED)
        m.recipients = ["a", "b", "c"][:recipients]
        m.outcomes, m.lost_answers = dict.fromkeys(m.recipients, outcome), lost
        return m

    def found(m, *texts, recipients=("a",)):
        ours = b"Received: x\r\n\tby y\r\nAuthentication-Results: z\r\n"
        stored = {1: [(list(recipients), ours + text) for text in texts]}
        return [wrong.split("stored): ")[1] for wrong in close_the_books([m], stored)]

    text = message("taken").text
    assert found(message("taken"), text) == []
    assert found(message("taken")) == ["acknowledged and not there"]
    assert found(message("taken", recipients=2), text) == ["acknowledged and not there"]
    assert found(message("taken", recipients=2), text, recipients=("a", "b")) == []
    assert found(message("taken"), text, recipients=("a", "x")) == ["for somebody else"]
    assert found(message("taken"), text + b"x") == ["altered"]
    assert found(message("taken"), text, text) == ["more than once, and only 0 acknowledgements were lost"]
    assert found(message("taken", lost=1), text, text) == []
    assert found(message(None)) == ["given up"]
    assert found(message("refused"), text) == ["refused for good without a reason: "]
    refused = Fault("farm", "dot", "5xx")
    assert found(message("refused", refused)) == []
    assert found(message("refused", refused), text) == ["refused for good without a reason: "]
    taken = message("taken", Fault("farm", "mail", "5xx"))
    assert found(taken, taken.text) == ["the farm refused it for good, and nobody was told"]
    taken.broken_off = 1
    assert found(taken, taken.text) == []
    silent = message("taken", Fault("farm", "dot", "silent"))
    silent.after_silence = [451]
    assert found(silent, silent.text) == []
    silent.after_silence = [250]
    assert found(silent, silent.text) == ["the farm said nothing, and the answer was [250]"]
    differed = message("taken", Fault("replay", "rcpt", "5xx"))
    differed.after_replay = [451]
    assert found(differed, differed.text) == []
    differed.after_replay = [250]
    assert found(differed, differed.text) == ["a backend thought otherwise, and the answer was [250]"]
