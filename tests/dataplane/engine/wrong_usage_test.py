# SPDX-License-Identifier: BSD-3-Clause
"""Wrong usage of an engine's program, ENGINE_PROGRAM: one line on standard error that names what is
wrong and says where the options are, nothing on standard output, status 2. Nothing is started."""

import os
import subprocess
import unittest

PROGRAM = os.environ["ENGINE_PROGRAM"]
NAME = os.path.basename(PROGRAM)
WIRE = ["--wan", "a", "--mx", "b"]


class WrongUsage(unittest.TestCase):
    def test_is_told_in_one_line(self):
        for words, named in (([], "--wan"),
                             (["--frobnicate"], "--frobnicate"),
                             (["--wa", "a", "--mx", "b"], "--wa"),
                             (["stray"], "positional"),
                             (["--wan"], "--wan"),
                             (["--wan", "a"], "--mx"),
                             (WIRE + ["--wan", "c"], "--wan"),
                             (WIRE + ["--link", "odd"], "--link"),
                             (WIRE + ["--answers", "many"], "--answers"),
                             (WIRE + ["--dynamic-entries", "0"], "--dynamic-entries")):
            with self.subTest(words=words):
                done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertTrue(done.stderr.startswith(f"{NAME}: "), done.stderr)
                self.assertTrue(done.stderr.endswith(" (--help shows the options)\n"), done.stderr)
                self.assertIn(named, done.stderr)

    def test_what_it_points_to_is_there(self):
        done = subprocess.run([PROGRAM, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--wan", done.stdout)


if __name__ == "__main__":
    unittest.main()
