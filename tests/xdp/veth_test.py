#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-xdp on real packets: real TCP stacks in network namespaces, joined by veth pairs
(veth_wire.py)."""

import os
import pathlib
import signal
import socket
import threading
import time

import veth_wire
from veth_wire import (DROPPED4, DROPPED6, RESET4, RESET6, SERVICE4, SERVICE6, SOURCES, UNLISTED4, UNLISTED6, POSTERN_XDP,
                       Server, connect, receive)


class VethTest(veth_wire.VethWire):
    def test_wire_stops_listed_sources_and_nothing_else(self):
        self.sees("silence", UNLISTED4)  # nothing joins the two sides without an engine
        self.wan.run("ip", "neigh", "flush", "all")
        engine = self.engine().ready()
        self.sees("220", UNLISTED4)
        self.sees("220", UNLISTED6, SERVICE6)
        self.sees("silence", DROPPED4)
        self.sees("silence", DROPPED6, SERVICE6)
        self.sees("refused", RESET4)
        self.sees("refused", RESET6, SERVICE6)
        self.sees("220", DROPPED4, port=80)  # what is not SMTP must not be touched
        with self.wan.entered():
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with datagrams:
            datagrams.settimeout(veth_wire.PATIENCE)
            datagrams.bind((DROPPED4, 0))
            datagrams.sendto(b"udp to port 25", (SERVICE4, 25))
            self.assertEqual(datagrams.recv(100), b"udp to port 25")
        reasons = engine.reasons()
        self.assertEqual(reasons["no-rule"], 2)
        self.assertEqual(reasons["rule-reset"], 2)
        self.assertGreaterEqual(reasons["rule-drop"], 2)
        for reason in ("not-service", "not-attempt", "not-tcp", "not-ip"):
            self.assertGreater(reasons[reason], 0, reason)
        self.assertGreater(engine.reasons("mx")["from-inside"], 0)
        health = engine.api("GET", "/v1/health")
        self.assertEqual((health["engine"], health["topology"]), ("xdp", "wire"))

    def test_bulk_data_passes_unharmed(self):
        self.engine().ready()
        client = connect(self.wan, UNLISTED4, SERVICE4)
        with client:
            client.settimeout(veth_wire.PATIENCE)
            self.assertEqual(receive(client, 11), b"220 ready\r\n")
            sent = os.urandom(4 << 20)
            sender = threading.Thread(target=client.sendall, args=(sent,))
            sender.start()
            got = bytearray()
            while len(got) < len(sent):
                data = client.recv(65536)
                self.assertTrue(data, "the connection ended")
                got += data
            sender.join()
            self.assertEqual(bytes(got), sent)

    def send_tagged(self, octets):
        """A frame with two tags and nobody's protocol behind them."""
        head = bytes.fromhex("020000000002020000000001" "88a80007" "81000064" "88b5")
        with self.wan.entered():
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with sender:
            sender.bind(("wan0", 0))
            sender.send(head + bytes(octets - len(head)))

    def test_full_packets_behind_two_tags(self):
        """The kernel redirects none that is more than one tag larger than the MTU: it is counted, or the MTU raised."""
        ends = ((self.wan, "wan0"), (self.box, "postern-wan"), (self.mx, "mx0"))
        for space, device in (*ends, (self.box, "postern-mx")):
            self.addCleanup(space.run, "ip", "link", "set", "dev", device, "mtu", "1500")
        for space, device in ends:
            space.run("ip", "link", "set", "dev", device, "mtu", "1504")
        self.wan.run("ip", "link", "set", "dev", "wan0", "mtu", "1508")  # of a socket, only one tag is beyond it
        with self.mx.entered():
            receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self.addCleanup(receiver.close)
        receiver.bind(("mx0", 0))
        receiver.settimeout(veth_wire.PATIENCE)

        def arrives(octets):
            self.send_tagged(octets)
            # The kernel takes the outer tag off for the socket.
            while len(receiver.recv(2048)) != octets - 4:
                pass

        engine = self.engine().ready()
        self.send_tagged(1522)
        arrives(1518)
        self.assertEqual(engine.reasons()["egress-full"], 1)
        self.box.run("ip", "link", "set", "dev", "postern-mx", "mtu", "1504")
        counted = 1
        while counted == engine.reasons()["egress-full"]:  # until the engine has seen it
            self.send_tagged(1522)
            counted += 1
            self.assertLess(counted, 100 * veth_wire.PATIENCE)
            time.sleep(0.01)
        arrives(1522)
        self.assertNotIn("frags", engine.text())

    def test_learned_entries_stop_the_next_attempt_and_leave_sessions(self):
        engine = self.engine().ready()
        session = connect(self.wan, UNLISTED4, SERVICE4)
        entry = {"prefix": f"{UNLISTED4}/32", "action": "drop", "reason": "talks too early", "seconds": 60}
        engine.api("POST", "/v1/entries", entry)
        self.sees("silence", UNLISTED4)
        with session:
            session.sendall(b"still here")
            self.assertEqual(receive(session, 21), b"220 ready\r\nstill here")
        self.assertGreater(engine.reasons()["learned-drop"], 0)
        engine.api("DELETE", "/v1/entries", {"prefix": f"{UNLISTED4}/32"})
        self.sees("220", UNLISTED4)
        engine.api("POST", "/v1/entries", {"prefix": "2001:db8:9::/64", "action": "reset", "reason": "x", "seconds": 60})
        self.sees("refused", UNLISTED6, SERVICE6)

    def test_snapshots_are_exchanged_in_place(self):
        engine = self.engine().ready()
        session = connect(self.wan, UNLISTED4, SERVICE4)
        first = engine.api("GET", "/v1/health")["generation"]
        second = engine.api("PUT", "/v1/snapshot", {"path": str(self.other_rules)})["generation"]
        self.assertNotEqual(first, second)
        self.sees("silence", UNLISTED4)
        self.sees("220", DROPPED4)
        with session:
            session.sendall(b"x")
            self.assertEqual(receive(session, 12), b"220 ready\r\nx")
        broken = self.folder / "broken.snapshot"
        broken.write_bytes(self.rules.read_bytes()[:-1])
        with self.assertRaisesRegex(RuntimeError, "422"):
            engine.api("PUT", "/v1/snapshot", {"path": str(broken)})
        self.assertEqual(engine.api("GET", "/v1/health")["generation"], second)

    def test_samples_show_who_is_stopped_and_why(self):
        engine = self.engine().ready()
        begin = engine.api("GET", "/v1/samples?bytes=headers")["next"]
        for seen in (("220", UNLISTED4), ("refused", RESET6, SERVICE6), ("silence", DROPPED4)):
            self.sees(*seen)
            engine.api("GET", f"/v1/samples?bytes=headers&after={begin}")  # a wish is forgotten in five seconds
        batch = engine.api("GET", f"/v1/samples?bytes=headers&wait=5000&after={begin}")
        self.assertEqual((batch["lost"], batch["overrun"]), (0, 0))
        found = {one["source"]: one for one in batch["samples"]}
        self.assertEqual(set(found), {RESET6, DROPPED4})
        one = found[RESET6]
        self.assertEqual((one["reason"], one["action"], one["port"], one["every"]), ("rule-reset", "reset", "wan", 1))
        self.assertEqual((one["destination"], one["destination_port"], one["tcp_flags"]), (SERVICE6, 25, 2))
        self.assertEqual([(line["list"], line["line"]) for line in one["lists"]], [("hijacked", 2)])
        self.assertEqual((one["rule"]["rule"], one["rule"]["line"]), ("reset category hijacked", 5))
        # As it was received, and not the RST that took its place; without what follows the headers.
        frame = bytes.fromhex(one["bytes"])
        self.assertEqual(len(frame), one["length"])
        self.assertEqual((frame[12:14], frame[20], frame[54 + 13]), (b"\x86\xdd", 6, 2))
        self.assertLess(abs(one["time"] / 1e9 - time.time()), 60)

    def test_without_rules_everything_passes(self):
        engine = self.engine("--dynamic-entries", "8").ready()
        self.sees("220", DROPPED4)
        self.assertGreater(engine.reasons()["no-snapshot"], 0)

    def test_a_clean_end_leaves_nothing_behind(self):
        engine = self.engine().ready()
        self.assertEqual(self.attached(), ["postern-wan", "postern-mx"])
        self.assertTrue((self.pin / "link-wan").exists())
        self.assertEqual(engine.stop(), 0)
        self.assertEqual(self.attached(), [])
        self.assertFalse(self.pin.exists())
        self.assertNotIn("PROMISC", self.box.run("ip", "link", "show", "dev", "postern-wan").stdout)
        engine = self.engine().ready()
        self.assertEqual(engine.stop(signal.SIGINT), 0)
        self.assertEqual(self.attached(), [])

    def test_a_killed_engine_enforces_on_and_is_taken_over(self):
        engine = self.engine().ready()
        engine.stop(signal.SIGKILL)
        self.sees("silence", DROPPED4)
        self.sees("220", UNLISTED4)
        session = connect(self.wan, UNLISTED4, SERVICE4)
        successor = self.engine("--snapshot", self.other_rules, name="successor").ready()
        self.assertIn("takeover links=2", successor.text())
        with session:
            session.sendall(b"x")
            self.assertEqual(receive(session, 12), b"220 ready\r\nx")
        self.sees("220", DROPPED4)
        self.sees("silence", UNLISTED4)
        self.assertEqual(successor.stop(), 0)
        self.assertEqual(self.attached(), [])

    def test_keep_enforces_on_after_a_clean_end(self):
        engine = self.engine("--snapshot", self.rules, "--keep").ready()
        self.assertEqual(engine.stop(), 0)
        self.assertEqual(self.attached(), ["postern-wan", "postern-mx"])
        self.sees("silence", DROPPED4)
        self.sees("220", UNLISTED4)
        # The successor runs on one port only: the other's link goes.
        successor = self.engine("--snapshot", self.rules, name="successor", topology="host").ready()
        self.assertEqual(self.attached(), ["postern-wan"])
        self.assertEqual(successor.stop(), 0)
        self.assertEqual(self.attached(), [])
        self.assertFalse(self.pin.exists())

    def test_host_hands_survivors_to_its_own_stack(self):
        for service in (SERVICE4, SERVICE6):
            self.address(self.box, "postern-wan", service)
        for source in SOURCES:
            self.box.run("ip", "route", "add", source, "dev", "postern-wan")
        self.addCleanup(self.box.run, "ip", "address", "flush", "dev", "postern-wan")
        for address in (SERVICE4, SERVICE6):
            Server(self.box, address, 25)
        engine = self.engine(topology="host").ready()
        self.sees("220", UNLISTED4)
        self.sees("220", UNLISTED6, SERVICE6)
        self.sees("silence", DROPPED4)
        self.sees("refused", RESET4)
        self.sees("refused", RESET6, SERVICE6)
        self.assertEqual(engine.reasons()["no-rule"], 2)
        self.assertEqual(engine.api("GET", "/v1/health")["topology"], "host")

    def test_generic_mode(self):
        engine = self.engine("--snapshot", self.rules, "--generic").ready()
        self.assertIn("mode=generic", engine.text())
        self.assertIn("xdpgeneric", self.box.run("ip", "link", "show", "dev", "postern-wan").stdout)
        self.sees("220", UNLISTED4)
        self.sees("silence", DROPPED4)
        self.sees("refused", RESET4)
        engine.stop(signal.SIGKILL)
        # The mode of a link cannot be changed in place: it is replaced.
        native = self.engine(name="native").ready()
        self.assertNotIn("takeover", native.text())
        self.sees("220", UNLISTED4)
        self.sees("silence", DROPPED4)

    def test_refusals_are_one_line_that_says_what_to_do(self):
        def refusal(pattern, *words, status=1):
            code, text = self.refused(*words)
            self.assertEqual(code, status, text)
            self.assertRegex(text, pattern)
            self.assertEqual(len(text.strip().splitlines()), 1, text)

        wire = ("--wan", "postern-wan", "--mx", "postern-mx", "--pin", self.pin)
        refusal("no network device nonesuch", "--wan", "nonesuch", "--mx", "postern-mx", "--pin", self.pin)
        refusal("no native XDP.*--generic", "--wan", "lo", "--topology", "host", "--pin", self.pin)
        refusal("--mx is missing", "--wan", "postern-wan", status=2)
        refusal("missing.snapshot: No such file.*; make it anew by `postern compile", *wire, "--snapshot", self.folder / "missing.snapshot")
        corrupt = self.folder / "corrupt.snapshot"
        damaged = bytearray(self.rules.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        corrupt.write_bytes(damaged)
        refusal("corrupt.snapshot", *wire, "--snapshot", corrupt)
        foreign = self.folder / "foreign.snapshot"
        foreign.write_text("not a snapshot\n" * 1000)
        refusal("foreign.snapshot", *wire, "--snapshot", foreign)
        self.assertEqual(self.attached(), [])

        engine = self.engine().ready()
        refusal("another postern-xdp holds", *wire)
        refusal("postern-wan has another XDP program", *wire[:-1], f"{self.pin}-2")
        self.sees("silence", DROPPED4)  # the one that runs was not disturbed
        engine.stop()
        self.assertFalse(pathlib.Path(f"{self.pin}-2").exists())

    def test_without_privileges_it_says_which(self):
        done = self.box.run("setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
                            POSTERN_XDP, "--wan", "postern-wan", "--mx", "postern-mx", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON", done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)


if __name__ == "__main__":
    veth_wire.main()
