# SPDX-License-Identifier: BSD-3-Clause
"""SMTP smuggling, tried at a real mail server behind postern-control: a sample of the strings of
tests/control/smtp/smuggling_test.cc, and always those that hid messages from real servers, with the
commands of a second message behind them. A client that sent one message never gets two delivered, whatever
is between, and what is delivered is what it sent. That the strings are of the right kind is shown by a
Postfix that is asked directly: Debian's still takes a bare LF for a line end."""

import contextlib
import random
import re

import pytest

from tests.control.mail_servers.front_door import unmarked
from tests.control.mail_servers.messages import message
from tests.support.loopback import wait_until
from tests.support.smtp_wire import Client, unstuffed

USER = "someone@farm.example"
LONGEST, SAMPLE, SEED = 7, 120, 51764
# What ended a message for Postfix, Exim, Sendmail and others before they were mended (CVE-2023-51764, -51766,
# -51765), or where a server drops NULs, or reads CRs at a line's end as one.
KNOWN = (b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\r\n.\r", b"\r\n.\n", b"\r\n.\r\r\n", b"\r\n.\n\r\n",
         b"\r\r.\r\r", b"\n\n.\n\n", b"\n\r.\n\r", b"\r\n\r.\r\n", b"\r\n\n.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\0\r\n.\r\0\n",
         b"\n\0.\0\n", b"\r\0\n.\r\n", b"\r\n.\r\0\n", b"\r\n..\r\n", b"\n..\n", b"\r\n.\n.\r\n", b"x\r.\r\nx")
END = b"\r\n.\r\n"


def strings():
    dice, found = random.Random(SEED), list(KNOWN)
    while len(found) < len(KNOWN) + SAMPLE:
        text = bytes(dice.choice(b"\r\n\0..x\r\n") for _ in range(dice.randrange(3, LONGEST + 1)))
        # With a real end in it there would be two messages, and whoever sees two is right.
        if b"." in text and END not in b"x" + text + b"M" and text not in found:
            found.append(text)
    return found


def attempt(number, text):
    """What is behind DATA: the text, then the second message in the first."""
    return (message(f"sent-{number}", b"before") + text +
            b"MAIL FROM:<smuggler@b.example>\r\nRCPT TO:<" + USER.encode() + b">\r\nDATA\r\n" +
            message(f"smuggled-{number}", b"smuggled"))


def sane(text):
    """As it has to arrive where bare line ends are normalised, or None where it must not."""
    if b"\0" in text:
        return None
    return b"\r\n".join(re.sub(rb"[\r\n]", b"\r\n", line) for line in text.split(b"\r\n"))


def has_bare(text):
    return bool(re.search(rb"[\r\n]", text.replace(b"\r\n", b"")))


def smuggle(port, wire):
    """Sends it behind DATA, with its end. -> the answers to it and to all that the server found behind it."""
    with Client(port) as client:
        assert client.envelope(USER)[0].startswith("250")
        assert client.say("DATA").startswith("354")
        client.socket.sendall(wire + END)
        answers = [client.reply()]
        client.socket.sendall(b"QUIT\r\n")
        with contextlib.suppress(ConnectionResetError):  # from one that is not ours
            while answer := client.reply():
                answers.append(answer)
        return answers


def in_chunks(port, text):
    with Client(port) as client:
        assert client.envelope(USER)[0].startswith("250")
        half = len(text) // 2
        client.socket.sendall(f"BDAT {half}\r\n".encode() + text[:half])
        assert client.reply().startswith("250")
        client.socket.sendall(f"BDAT {len(text) - half} LAST\r\n".encode() + text[half:])
        return client.reply()


def boxed(server):
    """All that was delivered, by its first Subject, when no more is to come."""
    wait_until("an empty queue", lambda: not server.queued(), pause=0.2)
    found = {}
    for mail in server.box("someone"):
        found.setdefault(int(re.search(rb"^Subject: (?:sent|smuggled)-(\d+)$", mail, re.M)[1]), []).append(mail)
    return found


def compare(server, expected):
    """expected: number -> the text that has to be there, once."""
    found = boxed(server)
    assert {number: len(mails) for number, mails in found.items()} == dict.fromkeys(expected, 1)
    for number, (mail,) in found.items():
        assert unmarked(mail)[3] == expected[number].replace(b"\r\n", b"\n"), number


@pytest.mark.parametrize("bare", ["refuse", "normalise"])
def test_one_message_is_never_two(server, backend, door, bare):
    expected = {}
    with door.running(f"127.0.0.1:{backend.port}", bare_line_ends=bare, error_rate="0"):
        for number, string in enumerate(strings()):
            wire = attempt(number, string)
            answers = smuggle(door.port, wire)
            text = unstuffed(wire) + b"\r\n"
            taken = sane(text) if bare == "normalise" or not has_bare(text) else None
            assert len(answers) == 2 and answers[1].startswith("221"), (string, answers)
            assert answers[0].startswith("550 5." if taken is None else "250"), (string, answers)
            if taken is not None:
                expected[number] = taken
    assert len(expected) > (5 if bare == "refuse" else 30), "some of the strings have to be harmless"
    compare(server, expected)


@pytest.mark.only(lambda kind: kind.CHUNKING)
def test_a_chunk_is_no_text_behind_data(server, backend, door):
    """Where the server takes BDAT a dot ends nothing, and what has bare line ends is not sent by DATA."""
    expected = {}
    with door.running(f"127.0.0.1:{backend.port}", bare_line_ends="normalise", error_rate="0"):
        for number, string in enumerate((END, b"\r\n.\r\n.\r\n", *KNOWN)):
            text = attempt(number, string) + b"\r\n"
            reply, taken = in_chunks(door.port, text), sane(text)
            assert reply.startswith("550 5." if taken is None else "250"), (string, reply)
            if taken is not None:
                expected[number] = taken
    assert all("DATA" not in session.commands() for session in backend.sessions)
    compare(server, expected)


@pytest.mark.only(lambda kind: kind.NAME == "Postfix")  # the others have been mended in Debian
def test_the_strings_do_smuggle_at_a_postfix_that_is_not_behind_us(server):
    server.empty()
    for number, string in enumerate(strings()):
        smuggle(server.port, attempt(number, string))
    twice = {number for number, mails in boxed(server).items() if len(mails) > 1}
    assert {KNOWN.index(b"\n.\n"), KNOWN.index(b"\n.\r\n")} <= twice, "Postfix takes a bare LF for a line end no more?"
    assert len(twice) > 5
