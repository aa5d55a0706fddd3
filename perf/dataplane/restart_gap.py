# SPDX-License-Identifier: BSD-3-Clause
"""What a wire loses while its engine is killed and started again. Numbered frames go through it at a
steady rate, every other one an attempt of a listed source; the engine gets SIGKILL and is started
again at once. Counted are the frames that should have passed and did not (the gap), and the attempts
that passed unjudged. The rate makes times of them. Run it by `perf/run restart`."""

import argparse
import json
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

from tests.e2e.lab import product
from tests.e2e.lab.frames import FrameEnd
from tests.e2e.lab.namespaces import Network

POLICY = """\
list pool "pool.cidr" format cidr category dynamic
service mx 198.51.100.25/32 port 25
connection to mx
    drop list pool
"""
MARK = b"restart\0"
SETTLED_SECONDS = 1  # of traffic before the kill, and after the new engine has said that it is ready
BRIDGE = "postern-open"

# Sends numbered frames from inside the namespace; the last line says how many.
SENDER = """
import signal, socket, struct, sys, time
device, rate = sys.argv[1], int(sys.argv[2])
passing, listed = (bytes.fromhex(text) for text in sys.argv[3:5])
end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
end.bind((device, 0))
stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
number, start = 0, time.monotonic()
while not stopping:
    due = int((time.monotonic() - start) * rate)
    while number < due:
        end.send((listed if number % 2 else passing) + struct.pack("!Q", number))
        number += 1
    time.sleep(0.0005)
print(number)
"""


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def head(source, protocol, rest):
    """A frame that ends in MARK, to which 8 bytes are to be added."""
    size = 20 + len(rest) + len(MARK) + 8
    addresses = bytes(map(int, f"{source}.198.51.100.25".split(".")))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, size, 1, 0, 64, protocol, 0) + addresses
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex("0200000000020200000000010800") + ip + rest + MARK


PASSING = head("192.0.2.10", 17, struct.pack("!HHHH", 7, 7, 8 + len(MARK) + 8, 0))
LISTED = head("203.0.113.1", 6, struct.pack("!HHIIBBHHH", 40000, 25, 1, 0, 0x50, 2, 1024, 0, 0))


class Receiver(threading.Thread):
    """The numbers that arrive, in order."""

    def __init__(self, network):
        super().__init__(daemon=True)
        self.end, self.numbers, self.stopping = FrameEnd(network.mx, network.FARM), [], False
        self.start()

    def run(self):
        while not self.stopping:
            frame = self.end.receive(0.2)
            if frame is not None and frame[-16:-8] == MARK:
                self.numbers.append(struct.unpack("!Q", frame[-8:])[0])

    def finish(self):
        time.sleep(0.5)
        self.stopping = True
        self.join()
        self.end.close()
        return self.numbers


def round_of(given, network, kind, more, folder):
    """-> one kill and restart, as a dictionary"""
    def engine(snapshot):
        return product.Engine(given.build, kind, folder, snapshot, network.box.popen, more=more)

    running, receiver = engine(folder / "snapshot"), None
    sender = network.wan.popen(["/usr/bin/python3", "-c", SENDER, network.SENDERS, given.rate, PASSING.hex(),
                                LISTED.hex()], stdout=subprocess.PIPE, text=True)
    try:
        receiver = Receiver(network)
        time.sleep(SETTLED_SECONDS)
        before = time.monotonic()
        running.process.kill()
        running.process.wait()
        running = engine(None)  # from what it had kept
        ready = time.monotonic() - before
        time.sleep(SETTLED_SECONDS)
    finally:
        sender.terminate()
        sent = int(sender.communicate()[0])
        numbers = set(receiver.finish()) if receiver else set()
        running.stop()
    lost = [n for n in range(0, sent, 2) if n not in numbers]
    unjudged = [n for n in numbers if n % 2]
    if not set(range(0, given.rate // 2, 2)) & numbers:
        raise RuntimeError(f"{kind}: nothing passed before the kill, so nothing was measured")
    return {"sent": sent, "lost": len(lost), "unjudged": len(unjudged),
            "lost_seconds": 2 * len(lost) / given.rate, "unjudged_seconds": 2 * len(unjudged) / given.rate,
            "ready_seconds": ready}


def main():
    parser = argparse.ArgumentParser(prog="perf/run restart", description="Kill engines, and count what is lost.")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=int, default=4000, help="frames a second (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=10, help="of each (default %(default)s)")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file, too")
    given = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(prefix="postern-restart-") as name, Network() as network, product.Hugepages():
        folder = pathlib.Path(name)
        (folder / "pool.cidr").write_text("203.0.113.0/24\n")
        (folder / "policy").write_text(POLICY)
        subprocess.run([given.build / "control/cli/postern", "compile", "--policy", folder / "policy", "-o",
                        folder / "snapshot"], check=True, capture_output=True)
        network.take_redirected(given.build / "xdp/bpf/pass.bpf.o")
        network.box.run("ip", "link", "add", BRIDGE, "type", "bridge", "mcast_snooping", "0")
        network.box.run("ip", "link", "set", "dev", BRIDGE, "up")
        for title, kind, bridged, more in (("xdp", "xdp", False, ()), ("dpdk, fail closed", "dpdk", False, ()),
                                           ("dpdk, fail open", "dpdk", True, ("--fail-open", BRIDGE))):
            for device in ("postern-wan", "postern-mx"):
                network.box.run("ip", "link", "set", "dev", device, *(("master", BRIDGE) if bridged else ("nomaster",)))
            more = (*more, "--state-dir", folder / kind)
            results[title] = [round_of(given, network, kind, more, folder) for _ in range(given.rounds)]
            print(f"{title}: {len(results[title])} rounds", file=sys.stderr)
    print(f"{given.rounds} kills each, {given.rate} frames a second; minimum / median / maximum\n")
    print("| engine | frames lost of a flow | seconds | attempts unjudged | seconds | seconds until `ready` |")
    print("|---|---|---|---|---|---|")
    for title, rounds in results.items():
        def of(key, form):
            values = sorted(r[key] for r in rounds)
            return " / ".join(form.format(v) for v in (values[0], statistics.median(values), values[-1]))
        print(f"| {title} | {of('lost', '{:.0f}')} | {of('lost_seconds', '{:.3f}')} | {of('unjudged', '{:.0f}')} "
              f"| {of('unjudged_seconds', '{:.3f}')} | {of('ready_seconds', '{:.2f}')} |")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
