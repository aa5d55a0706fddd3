# SPDX-License-Identifier: BSD-3-Clause
"""Messages that are hard to carry unaltered. Each has all the fields that a mail server would add, so that none
does; the subject finds it again."""

import random


def message(subject, body=b"Hello.\r\n", more=b""):
    return (f"From: <tester@sender.example>\r\nTo: <someone@farm.example>\r\nSubject: {subject}\r\n"
            f"Date: Mon, 1 Jun 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@sender.example>\r\n").encode() + more + \
        b"\r\n" + body


def eight_bit(body):
    return {"body": body, "more": b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
                                  b"Content-Transfer-Encoding: 8bit\r\n"}


def large(octets):
    """Lines that are all different."""
    dice = random.Random(octets)
    return b"".join(b".%08d %s\r\n" % (n, dice.randbytes(30).hex().encode()) for n in range(octets // 72))


# name -> (message, the parameters of its MAIL)
ORDINARY = {
    "plain": {},
    "dots": {"body": b".\r\n..\r\n.x\r\n...\r\n \r\n.\r\n\r\n.\r\n..\r\n"},
    "empty": {"body": b""},
    "blank-lines": {"body": b"\r\n\r\n\r\nand at the end\r\n\r\n\r\n"},
    "blanks": {"body": b" begins with a blank\r\nends with one \r\n\tand tabs\t\r\n \t \r\n"},
    "from-line": {"body": b"From here on\r\n\r\nFrom there\r\n>From\r\n"},
    "eight-bit": eight_bit(bytes(range(0x80, 0x100)) + b"\r\n\xff\xfe\xc3\r\n\xc3\xa4\r\n"),
    "long-lines": {"body": b"x" * 980 + b"\r\n." + b"y" * 980 + b"\r\n"},
    "folded": {"more": b"X-Folded: one\r\n\ttwo\r\n three  \r\nX-Odd:no blank\r\nX-Empty:\r\n"},
}
