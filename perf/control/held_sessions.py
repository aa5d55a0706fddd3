# SPDX-License-Identifier: BSD-3-Clause
"""How many sessions one postern-control holds that say nothing, what memory each of them takes, in plain
and over TLS, and what good clients notice of them: the time from connecting to the answer to the final
dot, with nobody else there and with all of them held. Half of the held sessions drip an octet now and
then. Run by `perf/run held`."""

import argparse
import json
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


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def reply(stream):
    while True:
        line = stream.readline()
        if not line:
            raise ConnectionError("closed")
        if line[3:4] != b"-":
            return line


def hold(port, number, tls):
    """A session behind EHLO, over TLS where asked. The sources are 127.0.x.y."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.bind((f"127.0.{1 + number // 250}.{1 + number % 250}", 0))
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


def latencies(port, held, messages):
    figures = []
    for i in range(messages):
        if held:
            # The others go on dripping meanwhile.
            for other in held[(i * 20) % len(held) : (i * 20) % len(held) + 20 : 2]:
                other.send(b"x")
        figures.append(good_mail(port))
    figures.sort()
    return {"p50": statistics.median(figures), "p99": figures[int(len(figures) * 0.99)]}


def measure(options, folder, sink, tls, count):
    more = ["--command-time", "1h", "--error-rate", "0"]
    if tls:
        more += ["--certificate", str(folder / "c.pem"), "--key", str(folder / "k.pem")]
    name = "TLS" if tls else "plain"
    control = Control(options.build, folder / name, sink.port, *more)
    try:
        for i in range(50):
            hold(control.port, i, tls).close()
        for _ in range(50):
            good_mail(control.port)
        idle = latencies(control.port, [], options.messages)
        before = resident(control.pid)
        held = []
        for i in range(count):
            held.append(hold(control.port, i, tls))
        after = resident(control.pid)
        loaded = latencies(control.port, held, options.messages)
        # None was lost: each still answers. Those that dripped have begun a line.
        answered = 0
        for i, one in enumerate(held):
            one.sendall(b"\r\nNOOP\r\n" if i % 2 == 0 else b"NOOP\r\n")
        for one in held:
            one.settimeout(60)
            answered += bool(one.recv(4096))
            one.close()
    finally:
        control.end()
    return {"kind": name, "sessions": count, "answered": answered, "bytes_each": (after - before) / count,
            "idle": idle, "loaded": loaded}


def main():
    parser = argparse.ArgumentParser(prog="perf/run held", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--sessions", type=int, default=18_000, help="held at a time, fewer where descriptors end")
    parser.add_argument("--messages", type=int, default=1000, help="of good clients, for each figure")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(options.sessions, most - OWN_DESCRIPTORS)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    results = []
    with tempfile.TemporaryDirectory(prefix="postern-held-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=mx.farm.example", "-days", "2", "-keyout", folder / "k.pem", "-out",
                        folder / "c.pem"], check=True, capture_output=True)
        sink = Sink(folder)
        for tls in (None, context):
            result = measure(options, folder, sink, tls, count)
            results.append(result)
            print(f"{result['kind']:6} {result['sessions']} held, {result['answered']} answered at the end, "
                  f"{result['bytes_each'] / 1024:.1f} KiB each; good clients p50 {result['idle']['p50']:.2f} -> "
                  f"{result['loaded']['p50']:.2f} ms, p99 {result['idle']['p99']:.2f} -> {result['loaded']['p99']:.2f} ms")
        sink.end()
    options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
