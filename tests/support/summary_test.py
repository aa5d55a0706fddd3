#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of tests/support/summary: logs as Meson writes them go in, counts and names come out.

The outputs of GoogleTest and pytest below were made by those programs, then shortened. Each test
runs the script as ./check does and looks at its last line, its exit status and what it names.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SUMMARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "summary")

GTEST_GOOD = """\
Running main() from ./googletest/src/gtest_main.cc
[==========] Running 2 tests from 1 test suite.
[----------] 2 tests from Cursor
[ RUN      ] Cursor.TakesUntil
[       OK ] Cursor.TakesUntil (0 ms)
[ RUN      ] Cursor.Prints
a line without its end[       OK ] Cursor.Prints (12 ms)
[----------] 2 tests from Cursor (12 ms total)
[==========] 2 tests from 1 test suite ran. (12 ms total)
[  PASSED  ] 2 tests.
"""
GTEST_MIXED = """\
[==========] Running 4 tests from 2 test suites.
[ RUN      ] A.Good
[       OK ] A.Good (0 ms)
[ RUN      ] A.Bad
../a_test.cc:3: Failure
Expected equality of these values:
  1
  2
[  FAILED  ] A.Bad (0 ms)
[ RUN      ] A.Skip
../a_test.cc:4: Skipped
POSTERN_DATA is not set
[  SKIPPED ] A.Skip (0 ms)
[ RUN      ] I/P.x/1
[  FAILED  ] I/P.x/1, where GetParam() = 2 (0 ms)
[==========] 4 tests from 2 test suites ran. (0 ms total)
[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] A.Skip
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] A.Bad
[  FAILED  ] I/P.x/1, where GetParam() = 2

 2 FAILED TESTS
"""
GTEST_CRASHED = """\
[==========] Running 2 tests from 1 test suite.
[ RUN      ] A.Good
[       OK ] A.Good (0 ms)
[ RUN      ] A.Crash
==12==ERROR: AddressSanitizer: heap-buffer-overflow
"""
GTEST_SILENT_SKIP = """\
[ RUN      ] A.Skip
../a_test.cc:4: Skipped

[  SKIPPED ] A.Skip (0 ms)
"""
PYTEST = """\
============================= test session starts ==============================
collected 5 items

../a_test.py ..Fsx                                                       [100%]

=================================== FAILURES ===================================
E   assert 1 == 2
=========================== short test summary info ============================
SKIPPED [1] ../a_test.py:4: no such thing
FAILED ../a_test.py::test_b[a b] - assert 1 == 2
============== 1 failed, 2 passed, 1 skipped, 1 xfailed in 0.02s ===============
"""
PYTEST_UNEXPLAINED = """\
============================= test session starts ==============================
../a_test.py .s                                                          [100%]

========================= 1 passed, 1 skipped in 0.01s =========================
"""
PYTEST_VERBOSE = """\
============================= test session starts ==============================
../a_test.py::test_a PASSED                                              [ 50%]
../a_test.py::test_c SKIPPED (needs a (real) NIC)                        [100%]

========================= 1 passed, 1 skipped in 0.01s =========================
"""


def entry(name, result, stdout="", stderr=None, returncode=0):
    made = {"name": name, "stdout": stdout, "result": result, "starttime": 1.0, "duration": 0.1,
            "returncode": returncode, "env": {}, "command": ["x"]}
    if stderr is not None:
        made["stderr"] = stderr
    return made


class Summary(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="postern-summary-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def build(self, name, *entries):
        logs = os.path.join(self.directory, name, "meson-logs")
        os.makedirs(logs)
        with open(os.path.join(logs, "testlog.json"), "w", encoding="utf-8") as file:
            for one in entries:
                file.write((one if isinstance(one, str) else json.dumps(one)) + "\n")
        return os.path.join(self.directory, name)

    def run_summary(self, *arguments):
        run = subprocess.run([sys.executable, SUMMARY, *arguments], capture_output=True, text=True,
                             check=False)
        self.assertEqual("", run.stderr)
        self.last = run.stdout.splitlines()[-1]
        return run

    def expect(self, counts, status, *arguments):
        run = self.run_summary(*arguments)
        self.assertEqual("%d passed, %d failed, %d skipped" % counts, self.last, run.stdout)
        self.assertEqual(status, run.returncode)
        return run.stdout

    def test_every_gtest_case_and_plain_test_counts_one(self):
        build = self.build("build", entry("postern:unit / cursor", "OK", GTEST_GOOD),
                           entry("postern:unit / plain", "OK", "fine\n"))
        self.assertEqual("3 passed, 0 failed, 0 skipped\n", self.expect((3, 0, 0), 0, build))

    def test_several_builds_are_added(self):
        self.expect((4, 0, 0), 0, self.build("build", entry("a", "OK", GTEST_GOOD)),
                    self.build("build-san", entry("a", "OK", GTEST_GOOD)))

    def test_failures_are_named_with_their_output_and_skips_with_their_reason(self):
        build = self.build("build", entry("unit / a", "FAIL", GTEST_MIXED, returncode=1))
        out = self.expect((1, 2, 1), 1, build)
        self.assertIn("failed   build: unit / a: A.Bad\n", out)
        self.assertIn("         Expected equality of these values:\n", out)
        self.assertIn("failed   build: unit / a: I/P.x/1\n", out)
        self.assertIn("skipped  build: unit / a: A.Skip: POSTERN_DATA is not set\n", out)

    def test_output_is_cut_to_its_tail(self):
        build = self.build("build", entry("x", "FAIL", "".join(f"line {i}\n" for i in range(50)),
                                          returncode=1))
        out = self.expect((0, 1, 0), 1, build, "--tail", "3")
        self.assertIn("(47 lines before these)", out)
        self.assertIn("line 49", out)
        self.assertNotIn("line 46\n", out)

    def test_crash_within_a_case_is_that_case_failing(self):
        build = self.build("build", entry("a", "ERROR", GTEST_CRASHED, returncode=-6))
        out = self.expect((1, 1, 0), 1, build)
        self.assertIn("A.Crash: did not come to its end", out)
        self.assertIn("heap-buffer-overflow", out)

    def test_program_failing_after_good_cases_is_one_failure(self):
        build = self.build("build", entry("a", "FAIL", GTEST_GOOD, "LeakSanitizer: 8 bytes", 23))
        out = self.expect((2, 1, 0), 1, build)
        self.assertIn("failed   build: a: fail, exit status 23\n", out)
        self.assertIn("LeakSanitizer: 8 bytes", out)

    def test_failed_cases_count_even_when_the_program_says_ok(self):
        self.expect((1, 2, 1), 1, self.build("build", entry("a", "OK", GTEST_MIXED)))

    def test_timeout_and_interruption_are_failures(self):
        for result in ("TIMEOUT", "INTERRUPT", "ERROR", "UNEXPECTEDPASS"):
            with self.subTest(result=result):
                self.expect((0, 1, 0), 1, self.build(result, entry("a", result, returncode=-15)))

    def test_skipped_program_says_why_in_its_last_line(self):
        build = self.build("build", entry("a", "SKIP", "looking\nno network namespaces here\n\n",
                                          returncode=77))
        out = self.expect((0, 0, 1), 0, build)
        self.assertIn("skipped  build: a: no network namespaces here\n", out)

    def test_unittest_skips_are_seen_though_the_program_says_ok(self):
        one = ("test_a (__main__.T.test_a) ... ok\ntest_b (__main__.T.test_b) ... skipped 'no BPF'\n\n"
               "-----\nRan 2 tests in 0.000s\n\nOK (skipped=1)\n")
        whole = ("setUpClass (__main__.T) ... skipped 'no opendkim'\n\n-----\nRan 0 tests in 0.000s\n\n"
                 "OK (skipped=1)\n")
        out = self.expect((1, 0, 2), 0, self.build("build", entry("a", "OK", "", stderr=one),
                                                   entry("b", "OK", "", stderr=whole)))
        self.assertIn("no BPF", out)
        self.assertIn("skipped  build: b: setUpClass (__main__.T): no opendkim", out)

    def test_skip_without_a_reason_is_a_failure(self):
        for name, one in (("plain", entry("a", "SKIP", "", returncode=77)),
                          ("gtest", entry("a", "OK", GTEST_SILENT_SKIP)),
                          ("pytest", entry("a", "OK", PYTEST_UNEXPLAINED))):
            with self.subTest(kind=name):
                out = self.run_summary(self.build(name, one)).stdout
                self.assertIn("skipped without a reason", out)
                self.assertIn("1 failed, 0 skipped", self.last)

    def test_every_pytest_case_counts_one(self):
        build = self.build("build", entry("py", "FAIL", PYTEST, returncode=1))
        out = self.expect((2, 1, 2), 1, build)
        self.assertIn("failed   build: py: ../a_test.py::test_b[a b]: assert 1 == 2\n", out)
        self.assertIn("skipped  build: py: ../a_test.py:4: no such thing\n", out)
        self.assertIn("E   assert 1 == 2", out)

    def test_verbose_pytest_gives_its_reasons_too(self):
        out = self.expect((1, 0, 1), 0, self.build("build", entry("py", "OK", PYTEST_VERBOSE)))
        self.assertIn("skipped  build: py: ../a_test.py::test_c: needs a (real) NIC\n", out)

    def test_colours_do_not_hide_anything(self):
        coloured = GTEST_MIXED.replace("[  FAILED  ]", "\x1b[0;31m[  FAILED  ]\x1b[m")
        self.expect((1, 2, 1), 1, self.build("build", entry("a", "FAIL", coloured)))

    def test_missing_empty_and_broken_logs_are_failures(self):
        self.expect((0, 1, 0), 1, os.path.join(self.directory, "absent"))
        self.expect((0, 1, 0), 1, self.build("empty"))
        self.expect((1, 1, 0), 1, self.build("broken", entry("a", "OK"), '{"name": "b", '))
        self.expect((0, 1, 0), 1, self.build("foreign", "[]"))

    def test_nothing_at_all_is_not_success(self):
        self.assertIn("nothing was run", self.expect((0, 0, 0), 1))

    def test_extra_results(self):
        out = self.expect((1, 1, 1), 1, "--extra", "lab xdp=passed", "--extra",
                          "lab dpdk=failed:row 3 disagrees", "--extra", "a=b=skipped:x=y")
        self.assertIn("failed   lab dpdk: row 3 disagrees\n", out)
        self.assertIn("skipped  a=b: x=y\n", out)

    def test_extra_result_without_sense_is_wrong_usage(self):
        run = subprocess.run([sys.executable, SUMMARY, "--extra", "lab"], capture_output=True,
                             text=True, check=False)
        self.assertEqual(2, run.returncode)

    def test_results_from_json_lines(self):
        path = os.path.join(self.directory, "lab.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"name": "row 1", "result": "passed"}\n\n'
                       '{"name": "row 2", "result": "failed", "reason": "seen 250", '
                       '"output": "the transcript"}\n'
                       '{"name": "row 3", "result": "skipped", "reason": "no sendmail"}\n'
                       '{"name": "row 4", "result": "skipped"}\n'
                       '{"name": "row 5", "result": "perhaps"}\n')
        out = self.expect((1, 3, 1), 1, "--results", path)
        self.assertIn("the transcript", out)
        self.expect((0, 1, 0), 1, "--results", path + ".absent")


if __name__ == "__main__":
    unittest.main(verbosity=2)
