# SPDX-License-Identifier: BSD-3-Clause
"""Two veth pairs and an engine between them, for the tests of postern-xdp on real packets.

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

PATIENCE = 60  # seconds; only the end of a hang

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


def connect(space, source, destination, port=25, seconds=PATIENCE):
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
        until = time.monotonic() + PATIENCE
        while "ready engine=xdp" not in self.text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the engine did not get ready: {self.text()}")
            time.sleep(0.02)
        return self

    def stop(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE)

    def api(self, method, path, body=None):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
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


class VethWire(unittest.TestCase):
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
        status = engine.process.wait(PATIENCE)
        return status, engine.text()

    def attached(self):
        return [device for device in ("postern-wan", "postern-mx")
                if "prog/xdp" in self.box.run("ip", "-d", "link", "show", "dev", device).stdout]

    def sees(self, expected, source, destination=SERVICE4, port=25):
        """That a client gets a greeting ("220"), an RST ("refused") or nothing ("silence")."""
        seconds = 1.5 if expected == "silence" else PATIENCE
        self.assertEqual(greeting(self.wan, source, destination, port, seconds), expected, source)


def main():
    if os.geteuid() != 0:
        print("skipped: network namespaces and BPF need root")
        sys.exit(77)  # what Meson takes for a skipped test
    unittest.main(verbosity=2)
