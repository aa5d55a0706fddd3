#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-xdp on real packets: real TCP stacks in network namespaces, joined by veth pairs.

`wan` holds the senders, `box` the engine, `mx` the service. In topology wire the engine joins the
two pairs; in topology host the service listens in `box` itself. Everything here has names of its
own (prefix postern) and is removed at the end. Needs root; skips and says so without.
"""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

POSTERN_XDP = os.environ["POSTERN_XDP"]
PASS = os.environ["POSTERN_PASS"]
COMPILE = os.environ["POSTERN_COMPILE"]

SERVICE4, SERVICE6 = "198.51.100.25", "2001:db8:25::25"
UNLISTED4, UNLISTED6 = "192.0.2.10", "2001:db8:9::10"
DROPPED4, DROPPED6 = "203.0.113.1", "2001:db8:d::1"
RESET4, RESET6 = "203.0.113.129", "2001:db8:e::1"
SOURCES = (UNLISTED4, DROPPED4, RESET4, UNLISTED6, DROPPED6, RESET6)

POLICY = """\
list dynamic "dynamic.cidr" format cidr category dynamic
list hijacked "hijacked.cidr" format cidr category hijacked
service mx 198.51.100.25/32 2001:db8:25::25/128 port 25
connection to mx
    reset category hijacked
    drop  category dynamic
message
    accept any
"""

libc = ctypes.CDLL(None, use_errno=True)


def run(*words, check=True):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=60)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done


class Namespace:
    def __init__(self, role):
        self.name = f"postern-xt{os.getpid()}-{role}"
        run("ip", "netns", "add", self.name)

    def run(self, *words, check=True):
        return run("nsenter", f"--net=/run/netns/{self.name}", *words, check=check)

    @contextlib.contextmanager
    def entered(self):
        """This thread inside; a socket made here stays here."""
        with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{self.name}") as inside:
            if libc.setns(inside.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(outside.fileno(), 0)

    def remove(self):
        run("ip", "netns", "delete", self.name, check=False)


class Server(threading.Thread):
    """Greets whoever connects, then echoes."""

    def __init__(self, space, address, port):
        super().__init__(daemon=True)
        with space.entered():
            self.listener = socket.create_server(
                (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        with contextlib.suppress(OSError), connection:
            connection.sendall(b"220 ready\r\n")
            while data := connection.recv(65536):
                connection.sendall(data)


class DatagramServer(threading.Thread):
    """Echoes."""

    def __init__(self, space, address, port):
        super().__init__(daemon=True)
        with space.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.start()

    def run(self):
        while True:
            data, sender = self.socket.recvfrom(2048)
            self.socket.sendto(data, sender)


def connect(space, source, destination, port=25, seconds=10):
    """A connected socket; or "refused" or "silence"."""
    with space.entered():
        client = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    client.settimeout(seconds)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind((source, 0))
    try:
        client.connect((destination, port))
        return client
    except ConnectionRefusedError:
        client.close()
        return "refused"
    except (TimeoutError, OSError) as error:
        client.close()
        if isinstance(error, TimeoutError) or error.errno == errno.EHOSTUNREACH:
            return "silence"
        raise


def greeting(space, source, destination, port, seconds):
    """What a client sees: the greeting's first word, "refused" or "silence"."""
    client = connect(space, source, destination, port, seconds)
    if isinstance(client, str):
        return client
    with client:
        return client.recv(100).decode().split(" ")[0]


def receive(connection, count):
    """So many bytes; fewer where the connection ended."""
    got = b""
    while len(got) < count and (data := connection.recv(count - len(got))):
        got += data
    return got


class Engine:
    def __init__(self, space, folder, *words, name="xdp"):
        self.socket = folder / f"{name}.sock"
        self.log = folder / f"{name}.log"
        command = ["nsenter", f"--net=/run/netns/{space.name}", POSTERN_XDP, "--api", str(self.socket), *map(str, words)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def text(self):
        return self.log.read_text()

    def ready(self):
        until = time.monotonic() + 20
        while "ready engine=xdp" not in self.text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the engine did not get ready: {self.text()}")
            time.sleep(0.02)
        return self

    def stop(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(20)

    def api(self, method, path, body=None):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.socket))
            text = b"" if body is None else json.dumps(body).encode()
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
            answer = b""
            while data := client.recv(65536):
                answer += data
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {rest.decode()}")
        return json.loads(rest)

    def reasons(self, port="wan"):
        counted = self.api("GET", "/v1/counters")["ports"][port]
        assert counted["received"] == sum(counted["reasons"].values()), counted
        return counted["reasons"]


class VethTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("network namespaces and BPF need root")
        cls.spaces = []
        cls.temporary = tempfile.TemporaryDirectory(prefix="postern-xt")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.addClassCleanup(lambda: [space.remove() for space in cls.spaces])
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.pin = pathlib.Path("/sys/fs/bpf") / f"postern-xt{os.getpid()}"
        (cls.folder / "policy").write_text(POLICY)
        (cls.folder / "dynamic.cidr").write_text("203.0.113.0/25\n2001:db8:d::/48\n")
        (cls.folder / "hijacked.cidr").write_text("203.0.113.128/25\n2001:db8:e::/48\n")
        cls.rules = cls.folder / "rules.snapshot"
        run(COMPILE, cls.folder / "policy", cls.rules)
        (cls.folder / "dynamic.cidr").write_text("192.0.2.0/24\n")
        cls.other_rules = cls.folder / "other.snapshot"
        run(COMPILE, cls.folder / "policy", cls.other_rules)

        for role in ("wan", "box", "mx"):
            space = Namespace(role)
            cls.spaces.append(space)
            setattr(cls, role, space)
            space.run("ip", "link", "set", "lo", "up")
        cls.join(cls.wan, "wan0", "postern-wan")
        cls.join(cls.mx, "mx0", "postern-mx")
        for address in SOURCES:
            cls.address(cls.wan, "wan0", address)
        for service in (SERVICE4, SERVICE6):
            cls.address(cls.mx, "mx0", service)
            cls.wan.run("ip", "route", "add", service, "dev", "wan0")
        for family in ("-4", "-6"):
            cls.mx.run("ip", family, "route", "add", "default", "dev", "mx0")
        for address, port in ((SERVICE4, 25), (SERVICE6, 25), (SERVICE4, 80)):
            Server(cls.mx, address, port)
        DatagramServer(cls.mx, SERVICE4, 25)

    @classmethod
    def join(cls, outer, end, port):
        """A veth pair from `outer` to the box, its far end ready for what XDP sends to it."""
        run("ip", "link", "add", end, "netns", outer.name, "type", "veth", "peer", "name", port, "netns", cls.box.name)
        for space, device in ((outer, end), (cls.box, port)):
            space.run("ethtool", "-K", device, "tx", "off")
            space.run("ip", "link", "set", device, "up")
        outer.run("ip", "link", "set", "dev", end, "xdpdrv", "obj", PASS, "sec", "xdp")

    @staticmethod
    def address(space, device, address):
        space.run("ip", "address", "add", f"{address}/{128 if ':' in address else 32}", "dev", device,
                  *(["nodad"] if ":" in address else []))

    def setUp(self):
        for space in self.spaces:  # who holds an address differs between the tests
            space.run("ip", "neigh", "flush", "all")

    def engine(self, *words, name="xdp", topology="wire"):
        ports = ["--wan", "postern-wan", *(["--mx", "postern-mx"] if topology == "wire" else [])]
        engine = Engine(self.box, self.folder, *ports, "--topology", topology, "--pin", self.pin,
                        *(words or ("--snapshot", self.rules)), name=name)
        self.addCleanup(engine.stop)
        return engine

    def refused(self, *words):
        """Exit status and the one line of an engine that does not start."""
        engine = Engine(self.box, self.folder, *words, name="refused")
        status = engine.process.wait(20)
        return status, engine.text()

    def attached(self):
        return [device for device in ("postern-wan", "postern-mx")
                if "prog/xdp" in self.box.run("ip", "-d", "link", "show", "dev", device).stdout]

    def sees(self, expected, source, destination=SERVICE4, port=25):
        """That a client gets a greeting ("220"), an RST ("refused") or nothing ("silence")."""
        seconds = 1.5 if expected == "silence" else 10
        self.assertEqual(greeting(self.wan, source, destination, port, seconds), expected, source)

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
            datagrams.settimeout(5)
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
            client.settimeout(30)
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
        self.sees("220", UNLISTED4)
        self.sees("refused", RESET6, SERVICE6)
        self.sees("silence", DROPPED4)
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
            self.assertEqual(len(text.strip().splitlines()), 1 if status == 1 else 2, text)

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
    if os.geteuid() != 0:
        print("skipped: network namespaces and BPF need root")
        sys.exit(77)  # what Meson takes for a skipped test
    unittest.main(verbosity=2)
