#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Our DKIM verifier against others, on messages that others sign: python3-dkim and opendkim.

    dkim_differential_test.py VERIFY_BATCH

Messages are made from a fixed seed, with everything that canonicalization is about: folding, blanks
in all places, repeated and empty fields, 8-bit text, long lines, empty bodies, bodies that end in
blank lines. They are signed in every canonicalization with RSA and Ed25519, changed on the way (as
relays do, and as forgers do), and judged by all three. The verdicts must be the same, but for the
disagreements that DISAGREEMENTS lists with what the standard says.
"""

import os
import pathlib
import random
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dkim_peers import ED25519, OPENDKIM, RSA, Dkimpy, Keys, Opendkim, Ours, passes, verifies  # noqa: E402

PROGRAM = ""
CANONICALIZATIONS = [(h, b) for h in ("simple", "relaxed") for b in ("simple", "relaxed")]
SEED = 6376

# Who differs from us, and on what: each has a test of its own (test_listed_...).
DISAGREEMENTS = {
    # RFC 6376 §5.4.2: a field that is added above the signed ones breaks no signature, unless the
    # signer named it in h= once more. python3-dkim always checks for one From more than h= names.
    "added From": "python3-dkim",
    # RFC 6376 §8.2 leaves content behind the signed length to the verifier; to us it is `policy`.
    "content behind l=": "python3-dkim and opendkim",
    # RFC 8463 §3 signs the same header hash as ever. What opendkim makes of it with c=simple,
    # nobody verifies, opendkim included.
    "Ed25519 with c=simple": "opendkim, when it signs",
}


class Messages:
    """Random messages; the same ones in every run."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.is_plain = False  # one blank behind each colon, as opendkim's test mode wants it

    def word(self):
        alphabet = "abcdefghijklmnopqrstuvwxyz0123456789.,-!'=?"
        word = "".join(self.random.choice(alphabet) for _ in range(self.random.randint(1, 12)))
        return word + ("gr\u00fc\u00df" if self.random.random() < 0.1 else "")

    def blanks(self):
        return "".join(self.random.choice(" \t") for _ in range(self.random.randint(1, 3)))

    def text(self, words):
        """Words with blanks and folds between them."""
        text = ""
        for number in range(words):
            if number:
                text += ("\r\n" if self.random.random() < 0.2 else "") + self.blanks()
            text += self.word()
        return text

    def field(self, name, value):
        name = self.random.choice([name, name.lower(), name.upper()])
        before = self.random.choice(["", " ", "  ", "\t", " \r\n\t"]) if value else ""
        if self.is_plain:
            before = " "
        after = self.random.choice(["", "", " ", "\t "]) if value else ""
        return f"{name}:{before}{value}{after}\r\n"

    def header(self):
        fields = [self.field("From", f"{self.word().strip('.,')[:5] or 'x'} <a@example.org>"),
                  self.field("To", "b@example.net"),
                  self.field("Subject", self.text(self.random.randint(1, 12))),
                  self.field("Date", "Mon, 23 Nov 2026 00:00:00 +0000"),
                  self.field("Message-ID", f"<{self.random.randint(0, 10**9)}@example.org>")]
        for _ in range(self.random.randint(0, 4)):
            fields.append(self.field(self.random.choice(["Received", "X-Thing", "Cc", "Comments"]),
                                     self.text(self.random.randint(1, 8))))
        self.random.shuffle(fields)
        return "".join(fields)

    def line(self):
        kind = self.random.random()
        if kind < 0.2:
            return ""
        if kind < 0.3:
            return self.blanks()
        if kind < 0.35:
            return self.word() * 80
        line = self.blanks().join(self.word() for _ in range(self.random.randint(1, 8)))
        if self.random.random() < 0.3:
            line = self.blanks() + line
        if self.random.random() < 0.3:
            line += self.blanks()
        return line

    def body(self):
        lines = [self.line() for _ in range(self.random.choice([0, 1, 2, 5, 20]))]
        lines += [""] * self.random.choice([0, 0, 1, 3])
        return "".join(line + "\r\n" for line in lines)

    def message(self):
        return (self.header() + "\r\n" + self.body()).encode()


# ---- what happens to a message on its way. Each takes and returns bytes.

def refolded(message, choose):
    """A fold before the last blank of the Date field."""
    place = message.lower().index(b"\r\ndate:")
    blank = message.index(b" +0000", place)
    return message[:blank] + b"\r\n" + message[blank:]


def blank_doubled(message, choose):
    header, body = message.split(b"\r\n\r\n", 1)
    places = [i for i in range(len(body)) if body[i:i + 1] in (b" ", b"\t")]
    if not places:
        return message
    place = choose(places)
    return header + b"\r\n\r\n" + body[:place] + b" " + body[place:]


def blank_at_line_end(message, choose):
    header, body = message.split(b"\r\n\r\n", 1)
    end = body.find(b"\r\n")
    if end < 0:
        return message
    return header + b"\r\n\r\n" + body[:end] + b" \t" + body[end:]


def lines_added_at_end(message, choose):
    return message + b"\r\n\r\n"


def text_added_at_end(message, choose):
    return message + b"-- \r\na footer\r\n"


def subject_tagged(message, choose):
    return re.sub(rb"(\r\nsubject: ?)", rb"\1[list]", message, flags=re.IGNORECASE)


def field_added_on_top(message, choose):
    return b"Received: from somewhere;\r\n\tby elsewhere\r\n" + message


def subject_added(message, choose):
    return b"Subject: forged\r\n" + message


def name_in_other_case(message, choose):
    return re.sub(rb"\r\nto:", b"\r\ntO:", message, flags=re.IGNORECASE)


def octet_changed(message, choose):
    place = choose(range(len(message)))
    return message[:place] + bytes([message[place] ^ 1]) + message[place + 1:]


CHANGES = [refolded, blank_doubled, blank_at_line_end, lines_added_at_end, text_added_at_end,
           subject_tagged, field_added_on_top, subject_added, name_in_other_case]


def missing():
    """Why this cannot run here; empty when it can."""
    try:
        import dkim  # noqa: F401
        import nacl  # noqa: F401
    except ImportError as error:
        return f"python3-dkim and python3-nacl are needed: {error}"
    return "" if os.access(OPENDKIM, os.X_OK) else "opendkim is not installed"


class Differential(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="postern-dkim-")
        cls.addClassCleanup(directory.cleanup)
        folder = pathlib.Path(directory.name)
        cls.keys = Keys(folder)
        cls.dkimpy = Dkimpy(cls.keys)
        cls.opendkim = Opendkim(cls.keys, folder)
        cls.ours = Ours(PROGRAM, cls.keys, folder)
        cls.now = int(time.time())

    def verdicts(self, messages):
        """[(message, ours, python3-dkim's, opendkim's)], each a list of bools."""
        ours = [verifies(result) for result in self.ours.verify(messages, self.now)]
        return list(zip(messages, ours, map(self.dkimpy.verify, messages),
                        self.opendkim.verify(messages)))

    def expect_agreement(self, messages):
        for message, ours, dkimpy, opendkim in self.verdicts(messages):
            self.assertEqual(ours, dkimpy, "python3-dkim differs on " + repr(message))
            self.assertEqual(ours, opendkim, "opendkim differs on " + repr(message))

    def signed(self, source, count):
        """Messages that python3-dkim signed in every way."""
        messages = []
        for number in range(count):
            canonicalization = CANONICALIZATIONS[number % 4]
            key = ED25519 if number // 4 % 3 == 2 else RSA
            fields = None
            if number % 5 == 1:
                fields = ["from", "to", "subject", "date", "from", "subject", "x-thing", "x-absent"]
            source.is_plain = canonicalization[0] == "simple"
            message = self.dkimpy.sign(source.message(), key, canonicalization, fields,
                                       length=number % 7 == 3)
            if number % 6 == 5:
                message = self.dkimpy.sign(message, RSA, canonicalization)
            messages.append(message)
        return messages

    def test_what_others_sign_passes(self):
        messages = self.signed(Messages(SEED), 120)
        for message, ours, dkimpy, opendkim in self.verdicts(messages):
            self.assertTrue(ours and all(ours), repr(message))
            self.assertEqual((ours, ours), (dkimpy, opendkim), repr(message))

    def test_what_opendkim_signs_passes(self):
        source = Messages(SEED + 1)
        source.is_plain = True
        messages = []
        for canonicalization in CANONICALIZATIONS:
            for key in (RSA, ED25519):
                if (key, canonicalization[0]) == (ED25519, "simple"):
                    continue  # see test_listed_disagreement_opendkim_ed25519_simple
                messages += self.opendkim.sign([source.message() for _ in range(10)], key,
                                               canonicalization)
        for message, result in zip(messages, self.ours.verify(messages, self.now)):
            self.assertEqual([True], passes(result), repr((message, result)))

    def test_the_same_verdict_on_what_was_changed(self):
        source = Messages(SEED + 2)
        changed = []
        for number, message in enumerate(self.signed(source, 27 * 4)):
            change = CHANGES[number % len(CHANGES)]
            changed.append(change(message, source.random.choice))
        self.expect_agreement(changed)

    def test_random_octets_changed(self):
        source = Messages(SEED + 3)
        messages = [octet_changed(message, source.random.choice)
                    for message in self.signed(source, 60) for _ in range(2)]
        for message, ours, dkimpy, opendkim in self.verdicts(messages):
            for number, us in enumerate(ours):
                them = [verdict[number] for verdict in (dkimpy, opendkim) if number < len(verdict)]
                self.assertFalse(us and not all(them), f"not all pass {number} of {message!r}")

    def test_no_single_octet_can_be_changed(self):
        """Every octet of one message, two changes each: what a peer fails never passes here."""
        text = b"From: a@example.org\r\nTo: b@example.net\r\nSubject: x  y\r\n\r\nbody  text\r\n"
        for key, canonicalization in ((RSA, ("relaxed", "relaxed")), (RSA, ("simple", "simple")),
                                      (ED25519, ("relaxed", "simple"))):
            message = self.dkimpy.sign(text, key, canonicalization)
            changed = [message[:i] + bytes([message[i] ^ flip]) + message[i + 1:]
                       for i in range(len(message)) for flip in (1, 0x20)]
            passed_here = 0
            for mutant, result in zip(changed, self.ours.verify(changed, self.now)):
                for us, them in zip(passes(result), self.dkimpy.verify(mutant)):
                    self.assertFalse(us and not them, repr(mutant))
                passed_here += any(passes(result))
            self.assertLess(passed_here, len(changed) // 4, "hardly anything is covered")

    def test_chunks_do_not_matter(self):
        source = Messages(SEED + 4)
        messages = self.signed(source, 12)
        whole = self.ours.verify(messages, self.now)
        for chunk in (1, 2, 3, 7, 64, 1000):
            self.assertEqual(whole, self.ours.verify(messages, self.now, chunk))

    def test_listed_disagreement_added_from(self):
        message = b"From: forged@example.com\r\n" + self.dkimpy.sign(
            b"From: a@example.org\r\n\r\nbody\r\n", RSA, ("relaxed", "relaxed"), ["from"])
        self.assertEqual([False], self.dkimpy.verify(message))
        self.assertEqual([True], passes(self.ours.verify([message], self.now)[0]))
        # ... but there is no author to align with.
        self.assertEqual("", self.ours.verify([message], self.now)[0]["dmarc"]["domain"])

    def test_listed_disagreement_content_behind_length(self):
        message = self.dkimpy.sign(b"From: a@example.org\r\n\r\nbody\r\n", RSA,
                                   ("relaxed", "relaxed"), length=True) + b"more\r\n"
        self.assertEqual([True], self.dkimpy.verify(message))
        self.assertEqual([[True]], self.opendkim.verify([message]))
        result = self.ours.verify([message], self.now)[0]["dkim"][0]
        self.assertEqual(("policy", True), (result["result"], result["body_hash_ok"]))

    def test_listed_disagreement_opendkim_ed25519_simple(self):
        signed = self.opendkim.sign([b"From: a@example.org\r\nTo: b\r\n\r\nbody\r\n"], ED25519,
                                    ("simple", "simple"))
        for verdict in self.verdicts(signed)[0][1:]:
            self.assertEqual([False], verdict)

    def test_a_wrong_key_is_noticed(self):
        """The comparison itself can fail."""
        message = self.dkimpy.sign(b"From: a@example.org\r\n\r\nbody\r\n", RSA,
                                   ("simple", "simple"))
        self.assertEqual([True], passes(self.ours.verify([message], self.now)[0]))
        message = message.replace(b"s=rsa;", b"s=ed;").replace(b"a=rsa-sha256", b"a=ed25519-sha256")
        for verdict in self.verdicts([message])[0][1:]:
            self.assertEqual([False], verdict)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if missing():
        print(f"skipped: {missing()}")
        sys.exit(77)  # which Meson and tests/support/summary count as a skip
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
