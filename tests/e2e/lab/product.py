# SPDX-License-Identifier: BSD-3-Clause
"""Postern itself, as an operator would start it: a packet engine on the two ports, control on the
farm's side. Everything is the program that was built; nothing here knows how it works inside."""

import http.client
import json
import pathlib
import socket
import subprocess

from tests.e2e.lab.farm import PATIENCE, Farm, NameServer, stop, wait_for

HUGEPAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
HUGEPAGES_WANTED = 256  # of 2 MiB
READY_SECONDS = 60


class Hugepages:
    """Reserves what the DPDK engine needs, and gives back what was not there before."""

    def __enter__(self):
        self.before = int((HUGEPAGES / "nr_hugepages").read_text())
        free = int((HUGEPAGES / "free_hugepages").read_text())
        if free < HUGEPAGES_WANTED:
            (HUGEPAGES / "nr_hugepages").write_text(str(self.before + HUGEPAGES_WANTED - free))
            free = int((HUGEPAGES / "free_hugepages").read_text())
            if free < HUGEPAGES_WANTED:
                self.__exit__()
                raise RuntimeError(f"the kernel gave {free} of {HUGEPAGES_WANTED} hugepages of 2 MiB: free some memory")
        return self

    def __exit__(self, *_):
        (HUGEPAGES / "nr_hugepages").write_text(str(self.before))


class Api:
    """The management API of one engine: HTTP and JSON on a Unix socket."""

    def __init__(self, path):
        self.path = str(path)

    def call(self, method, target, body=None):
        connection = http.client.HTTPConnection("engine", timeout=PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(self.path)
        try:
            connection.request(method, target, body=None if body is None else json.dumps(body),
                               headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {target}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text)

    def counters(self):
        return self.call("GET", "/v1/counters")

    def reasons(self, port="wan"):
        return self.counters()["ports"][port]["reasons"]


def tail(path, lines=8):
    try:
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


class Program:
    """One of our daemons: started, awaited until it says `ready`, stopped."""

    def __init__(self, name, popen, words, log):
        self.name, self.log = name, log
        self.process = popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=log.open("wb"),
                             stderr=subprocess.STDOUT)
        try:
            wait_for(name, READY_SECONDS, self._ready)
        except KeyboardInterrupt:
            self.stop()
            raise
        except BaseException as error:
            self.stop()
            raise RuntimeError(f"{error}; it said:\n{tail(log)}") from None

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with status {self.process.returncode}")
        return "ready" in self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        stop(self.process, 15)


def engine_words(build, kind, wan, mx, snapshot, api, pin):
    """The command line of an engine between two devices (or DPDK ports). snapshot: None for none."""
    rules = [] if snapshot is None else ["--snapshot", snapshot]
    if kind == "xdp":
        return [build / "xdp/postern-xdp", "--wan", wan, "--mx", mx, "--topology", "wire", *rules,
                "--api", api, "--pin", pin]

    def port(index, name):
        """A kernel device is driven through AF_XDP; anything else is a name of DPDK's own."""
        ours = name.startswith("postern-")  # those lie in the lab's namespace, not in this one
        return f"net_af_xdp{index},iface={name}" if ours or name in dict(map(reversed, socket.if_nameindex())) else name

    return [build / "dataplane/dpdk/postern-dataplane", "--wan", port(0, wan), "--mx", port(1, mx),
            *rules, "--api", api, "--idle-sleep", "50"]


class Engine(Program):
    def __init__(self, build, kind, folder, snapshot, popen, wan="postern-wan", mx="postern-mx", more=()):
        self.kind = kind
        self.socket = folder / f"{kind}.sock"
        self.api = Api(self.socket)
        # Pinned under a name of its own, so that two labs, or the site's own engine, never meet.
        pin = pathlib.Path("/sys/fs/bpf") / f"postern-{folder.name}"
        super().__init__(f"the {kind} engine", popen,
                         [*engine_words(build, kind, wan, mx, snapshot, self.socket, pin), *more], folder / f"{kind}.log")


class Control(Program):
    def __init__(self, build, network, folder, snapshot, engine):
        certificate, key = folder / "mx.crt", folder / "mx.key"
        if not key.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-subj", "/CN=mx.farm.example", "-days", "2", "-keyout", str(key), "-out", str(certificate)],
                           check=True, capture_output=True)
        config = folder / "control.conf"
        config.write_text(f"""# Written by the lab.
listen = {network.SERVICE_V4}:25
listen = [{network.SERVICE_V6}]:25
farm = 127.0.0.1:{Farm.PORT}
name = mx.farm.example
authserv-id = mx.farm.example
certificate = {certificate}
key = {key}
snapshot = {snapshot}
resolver = 127.0.0.1@{NameServer.PORT}
reputation = {folder}/reputation-{engine.kind}.db
engine = {engine.socket}
names = {folder}/names.pcre
greet-pause = 300ms
learn-threshold = 3
learn-for = 1h
""")
        super().__init__("postern-control", network.mx.popen,
                         [build / "control/postern-control", "--config", config], folder / "control.log")
