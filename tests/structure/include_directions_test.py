#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tests of the include directions: first that the check can fail, then the tree itself.

Each case of SyntheticTree writes a small tree that breaks (or keeps) one rule of the table in
include_directions.py and expects exactly the violations that it must give. RealTree holds the
checkout to the table; its root is the only argument, or the folder two above this file.
"""

import os
import subprocess
import sys
import tempfile
import unittest

import include_directions

CHECKER = os.path.abspath(include_directions.__file__)
HERE = os.path.dirname(os.path.abspath(__file__))
REAL_ROOT = os.path.dirname(os.path.dirname(HERE))

HEAD = ("// SPDX-License-Identifier: BSD-3-Clause\n//\n"
        "// A file that exists only in a test, to be looked at by the check.\n")
HEAD_LINES = HEAD.count("\n")


class SyntheticTree(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="postern-include-")
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        for header in ("rules/abi/verdict.h", "rules/lists/list_format.h",
                       "dataplane/core/parse.h", "dataplane/engine/engine.h",
                       "dataplane/dpdk/port.h", "xdp/bpf/maps.h", "xdp/loader/loader.h",
                       "control/dns/resolver.h", "control/auth/authenticate.h",
                       "control/names/pcre_table.h", "control/reputation/store.h",
                       "control/policy/facts.h",
                       "control/web/engine_client.h", "control/web/server.h",
                       "control/learning/learning.h",
                       "control/smtp/session.h", "control/config/config.h",
                       "control/cli/options.h"):
            self.write(header, HEAD)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def violations(self):
        return include_directions.check_tree(self.root)[1]

    def expect(self, path, include, is_allowed):
        """One file with one include on the line behind its head."""
        with self.subTest(file=path, include=include):
            self.write(path, HEAD + f"#include {include}\n")
            found = self.violations()
            if is_allowed:
                self.assertEqual([], [str(violation) for violation in found])
            else:
                self.assertEqual([(path, HEAD_LINES + 1)],
                                 [(violation.file, violation.line) for violation in found])
            os.remove(os.path.join(self.root, path))

    def allowed(self, path, *includes):
        for include in includes:
            self.expect(path, include, True)

    def refused(self, path, *includes):
        for include in includes:
            self.expect(path, include, False)

    def test_sound_tree_has_no_violation(self):
        self.assertEqual([], self.violations())

    def test_abi_includes_only_itself(self):
        self.allowed("rules/abi/a.h", '"rules/abi/verdict.h"', "<stdint.h>")
        self.refused("rules/abi/a.h", '"rules/lists/list_format.h"', "<string.h>", "<string>",
                     '"dataplane/core/parse.h"')

    def test_rules_know_neither_packets_nor_sockets_nor_what_is_above(self):
        self.allowed("rules/compile/a.cc", '"rules/abi/verdict.h"', '"rules/lists/list_format.h"',
                     "<vector>", "<sys/mman.h>")
        self.refused("rules/compile/a.cc", "<sys/socket.h>", "<netinet/in.h>",
                     "<boost/asio/ip/address.hpp>", "<boost/asio.hpp>", "<linux/if_ether.h>",
                     "<rte_ether.h>", '"dataplane/core/parse.h"', '"dataplane/engine/engine.h"',
                     '"xdp/bpf/maps.h"', '"control/dns/resolver.h"')

    def test_core_is_freestanding(self):
        self.allowed("dataplane/core/a.h", '"rules/abi/verdict.h"', '"dataplane/core/parse.h"',
                     "<stddef.h>")
        self.refused("dataplane/core/a.h", '"rules/lists/list_format.h"', "<string.h>", "<array>",
                     '"dataplane/engine/engine.h"', '"xdp/bpf/maps.h"')

    def test_only_dpdk_includes_rte(self):
        self.allowed("dataplane/dpdk/a.cc", "<rte_mbuf.h>", '"dataplane/engine/engine.h"',
                     '"dataplane/core/parse.h"')
        for path in ("dataplane/engine/a.cc", "dataplane/core/a.h", "xdp/loader/a.cc",
                     "xdp/bpf/a.c", "control/smtp/a.cc", "control/cli/a.cc", "rules/lists/a.cc"):
            self.refused(path, "<rte_mbuf.h>")

    def test_dpdk_stands_above_engine_and_core_and_beside_xdp(self):
        self.refused("dataplane/engine/a.cc", '"dataplane/dpdk/port.h"')
        self.refused("dataplane/core/a.h", '"dataplane/dpdk/port.h"')
        self.refused("dataplane/dpdk/a.cc", '"xdp/bpf/maps.h"', '"xdp/loader/loader.h"',
                     '"control/web/engine_client.h"')

    def test_bpf_sees_only_abi_and_core(self):
        self.allowed("xdp/bpf/a.c", '"rules/abi/verdict.h"', '"dataplane/core/parse.h"',
                     '"xdp/bpf/maps.h"', "<linux/bpf.h>", "<bpf/bpf_helpers.h>", '"vmlinux.h"')
        self.refused("xdp/bpf/a.c", '"rules/lists/list_format.h"', '"dataplane/engine/engine.h"',
                     '"xdp/loader/loader.h"', "<stdlib.h>")

    def test_loader_stands_on_engine(self):
        self.allowed("xdp/loader/a.cc", '"dataplane/engine/engine.h"', '"xdp/bpf/maps.h"',
                     '"postern.skel.h"', "<bpf/libbpf.h>")
        self.refused("xdp/loader/a.cc", '"dataplane/dpdk/port.h"', '"control/dns/resolver.h"')

    def test_control_never_includes_an_engine(self):
        for part in ("dns", "auth", "reputation", "policy", "web", "smtp", "config", "cli"):
            self.refused(f"control/{part}/a.cc", '"dataplane/engine/engine.h"',
                         '"dataplane/dpdk/port.h"', '"xdp/bpf/maps.h"', '"xdp/loader/loader.h"',
                         "<bpf/libbpf.h>")
            self.allowed(f"control/{part}/a.cc", '"rules/lists/list_format.h"',
                         f'"control/{part}/' + {
                             "dns": "resolver.h", "auth": "authenticate.h",
                             "reputation": "store.h", "policy": "facts.h", "web": "server.h",
                             "smtp": "session.h", "config": "config.h", "cli": "options.h",
                         }[part] + '"')
        self.allowed("control/cli/a.cc", '"dataplane/core/parse.h"')
        for part in ("dns", "auth", "reputation", "policy", "web", "smtp", "config"):
            self.refused(f"control/{part}/a.cc", '"dataplane/core/parse.h"')

    def test_order_within_control(self):
        self.refused("control/dns/a.cc", '"control/auth/authenticate.h"')
        self.allowed("control/auth/a.cc", '"control/dns/resolver.h"')
        self.refused("control/auth/a.cc", '"control/policy/facts.h"',
                     '"control/reputation/store.h"')
        self.refused("control/reputation/a.cc", '"control/policy/facts.h"',
                     '"control/auth/authenticate.h"')
        self.allowed("control/policy/a.cc", '"control/auth/authenticate.h"',
                     '"control/names/pcre_table.h"', '"control/reputation/store.h"')
        self.allowed("control/names/a.cc", "<pcre2.h>", '"rules/lists/list_format.h"')
        self.refused("control/names/a.cc", '"control/policy/facts.h"', '"control/dns/resolver.h"',
                     "<boost/asio.hpp>")
        self.refused("control/policy/a.cc", '"control/smtp/session.h"', '"control/web/server.h"',
                     '"control/learning/learning.h"')
        self.allowed("control/learning/a.cc", '"control/policy/facts.h"',
                     '"control/web/engine_client.h"')
        self.refused("control/learning/a.cc", '"control/smtp/session.h"', '"control/web/server.h"')
        self.allowed("control/smtp/a.cc", '"control/policy/facts.h"',
                     '"control/learning/learning.h"')
        self.refused("control/smtp/a.cc", '"control/web/engine_client.h"', '"control/config/config.h"',
                     '"control/cli/options.h"')
        self.refused("control/web/a.cc", '"control/smtp/session.h"')
        self.allowed("control/config/a.cc", '"control/smtp/session.h"', '"control/web/server.h"')

    def test_unknown_folder_has_to_take_its_place(self):
        self.write("control/novel/a.cc", HEAD)
        self.write("dataplane/a.cc", HEAD)
        self.assertEqual(["control/novel/a.cc", "dataplane/a.cc"],
                         [violation.file for violation in self.violations()])

    def test_quoted_includes_start_at_the_root(self):
        self.refused("control/dns/a.cc", '"resolver.h"', '"control/../control/dns/resolver.h"',
                     '"../dns/resolver.h"', '"control/dns/absent.h"')
        self.refused("control/dns/a.cc", "<control/dns/resolver.h>")

    def test_spellings_of_include(self):
        self.write("rules/a.cc", HEAD + "  #  include <sys/socket.h> // why\n#include HEADER\n"
                                        "// #include <sys/socket.h>\n")
        self.assertEqual([HEAD_LINES + 1, HEAD_LINES + 2],
                         [violation.line for violation in self.violations()])

    def test_a_file_opens_with_its_licence_and_a_paragraph(self):
        for path, text in (
                ("rules/a.cc", "// A file without a licence, though it does say what it is.\n"),
                ("rules/a.cc", "// SPDX-License-Identifier: BSD-3-Clause\n#include <vector>\n"),
                ("rules/a.cc", "// SPDX-License-Identifier: BSD-3-Clause\n//\n// Short.\n"),
                ("rules/a.cc", "// SPDX-License-Identifier: MIT\n//\n" + HEAD),
                ("rules/a.cc", "\n" + HEAD),
                ("rules/a.h", "/* SPDX-License-Identifier: BSD-3-Clause */\nint a;\n"),
                ("tests/a.py", "#!/usr/bin/python3\nimport os\n"),
                ("tests/a", "#!/usr/bin/python3\nimport os\n"),
                ("tests/a.sh", "#!/bin/sh\n# SPDX-License-Identifier: BSD-3-Clause\nls\n"),
                ("tests/a.py", "# SPDX-License-Identifier: BSD-3-Clause\nimport os\n")):
            with self.subTest(text=text):
                self.write(path, text)
                self.assertEqual([path], [violation.file for violation in self.violations()])
                os.remove(os.path.join(self.root, path))
        self.write("rules/a.c", "/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only\n *\n"
                                " * A C file that says what it is, over more than one line,\n"
                                " * as they do.\n */\n")
        self.write("tests/a.py", "#!/usr/bin/python3\n# SPDX-License-Identifier: BSD-3-Clause\n"
                                 '"""A script that says what it is in its docstring."""\n')
        self.write("tests/a.sh", "#!/bin/sh\n# SPDX-License-Identifier: BSD-3-Clause\n#\n"
                                 "# A script of the shell that says what it is and does.\n")
        self.write("tests/data", "No script: a file that has no extension.\n")
        self.write("tests/__init__.py", "")
        self.assertEqual([], self.violations())

    def test_a_second_anonymous_namespace_is_found(self):
        block = "namespace {\nint a;\n}  // namespace\n"
        self.write("rules/a.cc", HEAD + block)
        self.write("tests/a.cc", HEAD + block + block)
        self.assertEqual([], self.violations())
        self.write("rules/a.cc", HEAD + block + "int b;\n" + block)
        self.assertEqual([("rules/a.cc", HEAD_LINES + 5)],
                         [(violation.file, violation.line) for violation in self.violations()])

    def test_command_prints_file_and_line_and_exits_1(self):
        self.write("control/cli/a.cc", HEAD + '\n#include "xdp/bpf/maps.h"\n')
        run = subprocess.run([sys.executable, CHECKER, self.root], capture_output=True, text=True,
                             check=False)
        self.assertEqual(1, run.returncode)
        self.assertIn(f"control/cli/a.cc:{HEAD_LINES + 2}: control/cli may not include "
                      "xdp/bpf/maps.h\n", run.stdout)

    def test_command_refuses_wrong_usage_and_an_empty_tree(self):
        run = subprocess.run([sys.executable, CHECKER], capture_output=True, text=True,
                             check=False)
        self.assertEqual(2, run.returncode)
        with tempfile.TemporaryDirectory() as empty:
            run = subprocess.run([sys.executable, CHECKER, empty], capture_output=True, text=True,
                                 check=False)
            self.assertEqual(1, run.returncode)


class RealTree(unittest.TestCase):
    def test_checkout_keeps_the_directions(self):
        count, violations = include_directions.check_tree(REAL_ROOT)
        self.assertGreater(count, 20)
        self.assertEqual("", "\n".join(str(violation) for violation in violations))


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        REAL_ROOT = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
