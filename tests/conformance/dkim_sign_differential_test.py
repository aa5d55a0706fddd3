#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Our DKIM signer before others' verifiers: python3-dkim and opendkim, and ours.

    dkim_sign_differential_test.py SIGN_BATCH VERIFY_BATCH

The messages are those of dkim_differential_test.py, and more that a signer meets: bodies without a
final line end, without anything, with very long lines. Each is signed in every canonicalization by
RSA, Ed25519 and both, and has to pass with all three; changed where the signature covers it, with
none.
"""

import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dkim_differential_test import CANONICALIZATIONS, Messages, missing, octet_changed  # noqa: E402
from dkim_peers import DOMAIN, ED25519, RSA, Dkimpy, Keys, Opendkim, Ours, passes  # noqa: E402

SIGN, VERIFY = "", ""
SEED = 5322
KEYS = ([RSA], [ED25519], [RSA, ED25519])


class Signer:
    """Ours, through the batch program."""

    def __init__(self, keys, folder):
        self.keys, self.folder = keys, folder

    def sign(self, messages, names, canonicalization, now, chunk=0, settings=""):
        """Each message with its signatures on top."""
        table = self.folder / "table"
        table.write_text("".join(
            f"{DOMAIN} {name} {self.keys.files[name]} c={'/'.join(canonicalization)} {settings}\n"
            for name in names))
        frames = io.BytesIO()
        for message in messages:
            frames.write(b"%d %d %d\n" % (now, chunk, len(message)) + message)
        run = subprocess.run([SIGN, str(table)], input=frames.getvalue(), capture_output=True,
                             check=True)
        out, signed = io.BytesIO(run.stdout), []
        for message in messages:
            fields = out.read(int(out.readline()))
            assert fields.count(b"DKIM-Signature:") == len(names), message
            signed.append(fields + message)
        assert not out.read()
        return signed


def shapes(source, count):
    """Messages of all shapes, CRLF line ends."""
    messages = []
    for number in range(count):
        # Of one author: words of the others have commas, which make From a list.
        message = re.sub(rb"(?i)((?:^|\r\n)from:\s*)[^<\r\n]*<", rb"\1Joe <", source.message())
        header = message.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
        messages.append([message, header, message[:-2] if message.endswith(b".\r\n") else message,
                         header + b"no final line end", header + b" \t\r\n\r\n \r\n",
                         header + b"y" * 5000 + b"\r\n", header + b"\r\n" * 30 + b"x\r\n",
                         header + "\u00fc\u00e4 \u4e2d\r\n".encode() * 3][number % 8])
    return messages


class SignDifferential(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="postern-dkim-")
        cls.addClassCleanup(directory.cleanup)
        folder = pathlib.Path(directory.name)
        cls.keys = Keys(folder)
        cls.dkimpy = Dkimpy(cls.keys)
        cls.opendkim = Opendkim(cls.keys, folder)
        cls.ours = Ours(VERIFY, cls.keys, folder)
        cls.signer = Signer(cls.keys, folder)
        cls.now = int(time.time())

    def expect(self, wanted, messages, count):
        # opendkim's test mode reads lines; the last one's end is part of the canonical body anyway.
        whole = [message if message.endswith(b"\r\n") else message + b"\r\n"
                 for message in messages]
        verdicts = zip(messages, [passes(one) for one in self.ours.verify(messages, self.now)],
                       map(self.dkimpy.verify, messages), self.opendkim.verify(whole))
        for message, ours, dkimpy, opendkim in verdicts:
            self.assertEqual(([wanted] * count,) * 3, (ours, dkimpy, opendkim), repr(message))

    def test_every_shape_passes_with_everybody(self):
        source = Messages(SEED)
        for canonicalization in CANONICALIZATIONS:
            source.is_plain = canonicalization[0] == "simple"
            for names in KEYS:
                with self.subTest(c=canonicalization, by=names):
                    messages = shapes(source, 24)
                    self.expect(True, self.signer.sign(messages, names, canonicalization, self.now),
                                len(names))

    def test_settings_pass_with_everybody(self):
        source = Messages(SEED + 1)
        for settings in ("x=7d", "oversign=none", "oversign=from:to:subject:date:x-absent:list-id"):
            with self.subTest(settings=settings):
                signed = self.signer.sign(shapes(source, 8), [RSA, ED25519], ("relaxed", "relaxed"),
                                          self.now, settings=settings)
                self.expect(True, signed, 2)

    def test_what_is_changed_fails_with_everybody(self):
        """Where it is covered: in the Subject, which is always there, and in the text."""
        source = Messages(SEED + 2)
        messages = [message + b"\r\nthe text\r\n"
                    for message in shapes(source, 12)]
        signed = self.signer.sign(messages, [RSA, ED25519], ("relaxed", "relaxed"), self.now)
        self.expect(False, [message.replace(b"the text", b"the next") for message in signed], 2)
        self.expect(False, [b"From: x@example.org\r\n" + message for message in signed], 2)

    def test_an_octet_changed_passes_with_all_or_fails_with_ours(self):
        source = Messages(SEED + 3)
        signed = self.signer.sign(shapes(source, 32), [RSA], ("relaxed", "simple"), self.now)
        changed = [octet_changed(message, source.random.choice) for message in signed]
        for message, result in zip(changed, self.ours.verify(changed, self.now)):
            theirs = self.dkimpy.verify(message)
            for us, them in zip(passes(result), theirs):
                self.assertFalse(us and not them, repr(message))

    def test_chunks_do_not_matter(self):
        messages = shapes(Messages(SEED + 4), 16)
        for canonicalization in CANONICALIZATIONS:
            whole = self.signer.sign(messages, [RSA, ED25519], canonicalization, self.now)
            for chunk in (1, 2, 3, 7, 64, 1000):
                self.assertEqual(whole, self.signer.sign(messages, [RSA, ED25519], canonicalization,
                                                         self.now, chunk))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if missing():
        print(f"skipped: {missing()}")
        sys.exit(77)  # which Meson and tests/support/summary count as a skip
    SIGN, VERIFY = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    unittest.main(verbosity=2)
