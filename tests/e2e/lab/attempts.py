# SPDX-License-Identifier: BSD-3-Clause
"""Connections that come to nothing, or nearly: what the packet engines do to them, as somebody at
that machine would see it."""

import subprocess
import textwrap

from tests.e2e.lab.farm import PATIENCE, listens, started, stop

CONNECT_SECONDS = 3

_PROBE = textwrap.dedent("""
    import socket, sys
    source, target, port, seconds = sys.argv[1:]
    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    s.settimeout(float(seconds))
    s.bind((source, 0))
    try:
        s.connect((target, int(port)))
        print("connected")
    except ConnectionRefusedError:
        print("refused")
    except (TimeoutError, socket.timeout):
        print("timed out")
    """)

_SEGMENT = textwrap.dedent("""
    import logging, sys
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    from scapy.all import IP, TCP, conf, sr1
    source, target = sys.argv[1:]
    conf.verb = 0
    answer = sr1(IP(src=source, dst=target) / TCP(sport=45678, dport=25, flags="PA", seq=7, ack=9) / b"x", timeout=5)
    print("no answer" if answer is None else f"answered {answer[TCP].flags}")
    """)

_DIALOGUE = textwrap.dedent("""
    import socket, sys
    source, target = sys.argv[1:]
    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    s.settimeout(25)
    s.bind((source, 0))
    s.connect((target, 25))
    def line():
        text = b""
        while not text.endswith(b"\\n"):
            more = s.recv(512)
            if not more:
                return (text + b"(end)").decode()
            text += more
        return text.decode().strip()
    said = [line()]
    for command in ("EHLO client.example", "MAIL FROM:<sender@plain.example>", "QUIT"):
        s.sendall(command.encode() + b"\\r\\n")
        said.append(line())
    print("\\n".join(said))
    """)

_HELO = textwrap.dedent("""
    import socket, sys
    source, target, name = sys.argv[1:]
    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    s.settimeout(4)
    s.bind((source, 0))
    s.connect((target, 25))
    greeting = s.makefile("rb")
    while greeting.readline()[3:4] == b"-":
        pass  # its first half comes before a pause
    s.sendall(b"EHLO " + name.encode() + b"\\r\\n")
    try:
        said = s.recv(512)
        print(said.decode().split()[0] if said else "no reply")
    except ConnectionResetError:
        print("reset")
    except (TimeoutError, socket.timeout):
        print("no reply")
    """)

_LISTENER = textwrap.dedent("""
    import socket, sys
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[1], int(sys.argv[2])))
    listener.listen()
    while True:
        listener.accept()[0].close()
    """)


def probe(space, source, target, port):
    """connected, refused or timed out."""
    done = space.run("/usr/bin/python3", "-c", _PROBE, source, target, port, CONNECT_SECONDS, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def established_segment(network, source):
    """A segment in the middle of a connection that there is not: the farm answers it with a RST."""
    done = network.wan.run("/usr/bin/python3", "-c", _SEGMENT, source, network.SERVICE_V4, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def dialogue(network, source):
    """The replies to the connection, EHLO, MAIL and QUIT, "(end)" where it was closed."""
    done = network.wan.run("/usr/bin/python3", "-c", _DIALOGUE, source, network.service(source), check=False)
    return done.stdout.splitlines() or [done.stderr.strip().splitlines()[-1]]


def helo(network, source, name):
    """What EHLO with this name gets: the reply's code, reset, or no reply (in time, or at all)."""
    done = network.wan.run("/usr/bin/python3", "-c", _HELO, source, network.service(source), name, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def refusal_seen(lines, source, list_name, at_once=False):
    """What became of a refused session, in a few words."""
    refusal = f"554 5.7.1 {source} refused: {list_name} (list {list_name}); see https://"
    want = [refusal] * 3 + ["(end)"] if at_once else ["220 mx.farm.example", "250 mx.farm.example", refusal, "(end)"]
    if len(lines) == len(want) and all(line.startswith(start) for line, start in zip(lines, want)):
        return "554 as the greeting" if at_once else "220, then 554 with the reason"
    return " / ".join(lines)


class Outside:
    """Somebody else's mail exchanger, and a web server, among the senders."""

    def __init__(self, network, address):
        self.network, self.address = network, address
        self.processes = [network.wan.popen(["/usr/bin/python3", "-c", _LISTENER, address, port],
                                            stdout=subprocess.DEVNULL) for port in (25, 443)]
        started(self, "a mail exchanger outside", PATIENCE, lambda: listens(network.wan, 25) and listens(network.wan, 443))

    def from_inside(self, source, port=25):
        return probe(self.network.mx, source, self.address, port)

    def stop(self):
        for process in self.processes:
            stop(process)
