# SPDX-License-Identifier: BSD-3-Clause
"""How many sessions postern-control holds that say nothing, by one worker and by two that share the port, what
memory each of them takes, in plain and over TLS, and what good clients notice of them: the time from connecting
to the answer to the final dot, with nobody else there (before and afterwards, so that what else the machine
does falls on both) and with all of them held. Fails where one of the held was lost. Half of the held sessions
drip an octet now and then. Those who hold them are processes as well, one for each worker, as the limit of
descriptors is one of processes. Run by `perf/run held`."""

import argparse
import contextlib
import json
import multiprocessing
import pathlib
import resource
import socket
import ssl
import statistics
import subprocess
import tempfile
import time

from perf.control.programs import Control, Sink

OWN_DESCRIPTORS = 500


def resident(pids):
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        total += int(next(line for line in text.splitlines() if line.startswith("VmRSS:")).split()[1])
    return total * 1024


def descriptors(pid):
    return sum(1 for _ in pathlib.Path(f"/proc/{pid}/fd").iterdir())


def reply(stream):
    while True:
        line = stream.readline()
        if not line:
            raise ConnectionError("closed")
        if line[3:4] != b"-":
            return line


NETS = 4096  # a worker gets whole nets: enough of them that it is half of all sessions, give or take a percent


def hold(port, number, tls):
    """A session behind EHLO, over TLS where asked. The sources are in 127.1.0.0 and the nets behind it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    net = number % NETS
    s.bind((f"127.{1 + net // 256}.{net % 256}.{1 + number // NETS}", 0))
    s.connect(("127.0.0.1", port))
    with s.makefile("rb", buffering=0) as stream:
        reply(stream)
        s.sendall(b"EHLO client.example\r\n")
        reply(stream)
        if not tls:
            return s
        s.sendall(b"STARTTLS\r\n")
        reply(stream)
    return tls.wrap_socket(s, do_handshake_on_connect=True)


def is_answered(one):
    """Whether NOOP is, behind whatever else is said."""
    said = b""
    while b"250 " not in said:
        try:
            more = one.recv(4096)
        except OSError:
            return False
        if not more:
            return False
        said += more
    return True


class Holder:
    """A process that holds sessions, and does as it is told."""

    def __init__(self, port, first, count, tls):
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self.run, args=(theirs, port, first, count, tls), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, word):
        self.ours.send(word)

    def answer(self):
        return self.ours.recv()

    @staticmethod
    def run(orders, port, first, count, tls):
        context = None
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        held, dripped = [], 0
        while (word := orders.recv()) != "end":
            if word == "hold":
                held = [hold(port, first + i, context) for i in range(count)]
                orders.send(len(held))
            elif word == "drip":
                for _ in range(10):
                    held[dripped % count - dripped % count % 2].send(b"x")  # the even ones
                    dripped += 2
            elif word == "ask":
                # None was lost: each still answers. Those that dripped have begun a line.
                for i, one in enumerate(held):
                    one.sendall(b"\r\nNOOP\r\n" if i % 2 == 0 else b"NOOP\r\n")
                answered = 0
                for one in held:
                    one.settimeout(60)
                    answered += is_answered(one)
                    one.close()
                orders.send(answered)


def good_mail(port):
    """Milliseconds for one message."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as s, s.makefile("rb", buffering=0) as stream:
        reply(stream)
        for line in (b"EHLO good.example", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA",
                     b"From: <a@b.example>\r\n\r\n" + b"x" * 70 + b"\r\n."):
            s.sendall(line + b"\r\n")
            if reply(stream)[:1] not in b"23":
                raise RuntimeError("not taken")
        return (time.perf_counter() - begun) * 1000


def latencies(port, holders, messages):
    """Milliseconds of each message."""
    figures = []
    for _ in range(messages):
        for holder in holders:  # the others go on dripping meanwhile
            holder.ask("drip")
        figures.append(good_mail(port))
    return figures


def quantiles(figures):
    figures = sorted(figures)
    return {"p50": statistics.median(figures), "p99": figures[int(len(figures) * 0.99)]}


def measure(options, folder, sink, tls, workers, count):
    """count: of sessions, for each worker."""
    more = ["--command-time", "1h", "--error-rate", "0"]
    context = None
    if tls:
        more += ["--certificate", str(folder / "c.pem"), "--key", str(folder / "k.pem")]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    name = "TLS" if tls else "plain"
    control = Control(options.build, folder / f"{name}-{workers}", sink.port, *more, workers=workers)
    holders = []
    try:
        # Forked before there is anything to inherit.
        holders = [Holder(control.port, i * count, count, tls) for i in range(workers)]
        for i in range(50):
            hold(control.port, i, context).close()
        for _ in range(50):
            good_mail(control.port)
        idle = latencies(control.port, [], options.messages // 2)
        pids = control.workers()
        before = resident(pids)
        for holder in holders:
            holder.ask("hold")
        held = sum(holder.answer() for holder in holders)
        after = resident(pids)
        shares = [descriptors(pid) for pid in pids]
        loaded = latencies(control.port, holders, options.messages)
        for holder in holders:
            holder.ask("ask")
        answered = sum(holder.answer() for holder in holders)
        idle += latencies(control.port, [], options.messages - len(idle))
        if control.workers() != pids:
            raise RuntimeError("a worker has died")
    finally:
        control.end()
        for holder in holders:
            with contextlib.suppress(OSError):  # one that is gone has said why
                holder.ask("end")
            holder.process.join(60)
    return {"kind": name, "workers": workers, "sessions": held, "answered": answered, "descriptors": shares,
            "bytes_each": (after - before) / held, "idle": quantiles(idle), "loaded": quantiles(loaded)}


def main():
    parser = argparse.ArgumentParser(prog="perf/run held", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--sessions", type=int, default=18_000, help="held at a time by each worker, fewer where descriptors end")
    parser.add_argument("--workers", type=int, action="append", help="processes that share the port; again for another run (1 and 2)")
    parser.add_argument("--messages", type=int, default=4000, help="of good clients, for each figure")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(options.sessions, most - OWN_DESCRIPTORS)
    results = []
    with tempfile.TemporaryDirectory(prefix="postern-held-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=mx.farm.example", "-days", "2", "-keyout", folder / "k.pem", "-out",
                        folder / "c.pem"], check=True, capture_output=True)
        sink = Sink(folder)
        for workers in options.workers or [1, 2]:
            for tls in (False, True):
                result = measure(options, folder, sink, tls, workers, count)
                results.append(result)
                print(f"{result['kind']:6} {result['sessions']} held by {workers} ({'+'.join(map(str, result['descriptors']))} "
                      f"descriptors), {result['answered']} answered at the end, {result['bytes_each'] / 1024:.1f} KiB each; "
                      f"good clients p50 {result['idle']['p50']:.2f} -> {result['loaded']['p50']:.2f} ms, "
                      f"p99 {result['idle']['p99']:.2f} -> {result['loaded']['p99']:.2f} ms "
                      f"({result['loaded']['p99'] / result['idle']['p99']:.2f}x)", flush=True)
        sink.end()
    options.json.write_text(json.dumps(results, indent=1))
    lost = sum(result["sessions"] - result["answered"] for result in results)
    if lost:
        raise SystemExit(f"{lost} of the held sessions were lost")


if __name__ == "__main__":
    main()
