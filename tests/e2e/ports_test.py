#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`./run --wan DEV --mx DEV --once`: it agrees only where frames came and the engine saw all of them.
Pure comparisons first, then the XDP engine between two veth devices in a namespace of its own."""

import contextlib
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.e2e.lab.namespaces import Namespace, command  # noqa: E402
from tests.e2e.lab.ports import DpdkPort, KernelPort, Reading, comparison, port_of  # noqa: E402

BUILD = pathlib.Path(os.environ["POSTERN_BUILD"])


class Comparison(unittest.TestCase):
    def test_all_that_came_while_it_watched_and_nothing_else(self):
        begin, end = Reading(100, 40, 110), Reading(200, 140, 215)
        self.assertTrue(comparison(begin, end, True)[0])
        for engine, agrees in ((129, False), (130, True), (155, True), (156, False)):
            self.assertIs(comparison(begin, Reading(200, engine, 215), True)[0], agrees, engine)

    def test_silence_is_no_agreement(self):
        quiet = Reading(7, 7, 7)
        self.assertIn("nothing arrived", comparison(quiet, quiet, True)[1])
        self.assertFalse(comparison(quiet, quiet, True)[0])
        self.assertEqual(comparison(quiet, quiet, False), (False, "no carrier: is the cable plugged in?"))

    def test_an_engine_that_counts_what_never_came(self):
        self.assertFalse(comparison(Reading(7, 0, 7), Reading(7, 100, 7), True)[0])

    def test_where_a_port_is_counted(self):
        self.assertIsInstance(port_of("lo"), KernelPort)
        self.assertEqual(port_of("net_af_xdp0,iface=lo,start_queue=0").device, "lo")
        self.assertIsInstance(port_of("0000:01:00.0"), DpdkPort)
        self.assertEqual(port_of("net_null0,size=60").name, "net_null0")


@unittest.skipIf(os.geteuid() != 0, "network namespaces and BPF need root")
class Veth(unittest.TestCase):
    def setUp(self):
        name = f"postern-ports-{os.getpid()}"
        self.addCleanup(command, "ip", "netns", "delete", name, check=False)
        self.space = Namespace(name)
        for end in ("wan", "mx"):
            self.space.run("ip", "link", "add", f"postern-{end}", "type", "veth", "peer", "name", f"postern-{end}-far")
            for device in (f"postern-{end}", f"postern-{end}-far"):
                self.space.run("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1", check=False)
                self.space.run("ip", "link", "set", device, "up")
            self.space.run("ip", "link", "set", "dev", f"postern-{end}-far", "xdp", "obj", BUILD / "xdp/bpf/pass.bpf.o",
                           "sec", "xdp")

    @contextlib.contextmanager
    def frames_into(self, *ends):
        """Somebody else's frames, some hundred a second, until the block ends."""
        script = ("import socket, sys, time\n"
                  "ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in sys.argv[1:]]\n"
                  "for end, name in zip(ends, sys.argv[1:]): end.bind((name, 0))\n"
                  "frame = bytes.fromhex('ffffffffffff02000000000188b5') + bytes(46)\n"
                  "while True:\n"
                  "    for end in ends: end.send(frame)\n"
                  "    time.sleep(0.005)\n")
        sender = self.space.popen(["/usr/bin/python3", "-c", script, *(f"postern-{end}-far" for end in ends)])
        try:
            yield
        finally:
            sender.kill()
            sender.wait()

    def run_once(self):
        done = self.space.run("/usr/bin/python3", "-m", "tests.e2e.lab", "--build", BUILD, "--once", "--engine", "xdp",
                              "--wan", "postern-wan", "--mx", "postern-mx", check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def test_agrees_with_the_devices(self):
        with self.frames_into("wan", "mx"):
            status, said = self.run_once()
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"wan  agrees: the engine received [1-9]")
        self.assertIn("every port agrees", said)

    def test_a_quiet_port_and_a_dead_cable_do_not_agree(self):
        with self.frames_into("wan"):
            status, said = self.run_once()
        self.assertEqual(status, 1, said)
        self.assertIn("mx   DOES NOT AGREE: nothing arrived", said)
        self.space.run("ip", "link", "set", "postern-mx-far", "down")
        with self.frames_into("wan"):
            status, said = self.run_once()
        self.assertEqual(status, 1, said)
        self.assertIn("mx   DOES NOT AGREE: no carrier", said)
        self.assertIn("NOT every port agrees", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
