# SPDX-License-Identifier: BSD-3-Clause
"""What stands behind the gate: the farm (Postfix's smtp-sink, which records every message it takes)
and the name server with the senders' keys (nsd). Both listen on loopback in the `mx` namespace."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from tests.e2e.lab.namespaces import Namespace


def stop(process, seconds=5):
    """Ends a process that we started: asked first, then made to."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


PATIENCE = 60  # seconds; only the end of a hang


def wait_for(what, seconds, probe):
    """Polls until probe() is true; RuntimeError naming `what` when the time is over."""
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not come up within {seconds} s")
        time.sleep(0.05)


def started(part, what, seconds, probe):
    """wait_for, for a part that has to be stopped when it does not come up."""
    try:
        wait_for(what, seconds, probe)
    except BaseException:
        part.stop()
        raise


def listens(space: Namespace, port, kind="-t"):
    return f":{port} " in space.run("ss", "-Hln", kind).stdout


class Farm:
    """smtp-sink on 127.0.0.1:2525. Each transaction becomes one file."""

    PORT = 2525

    def __init__(self, space, folder: pathlib.Path):
        self.folder = folder / "farm"
        self.folder.mkdir()
        shutil.chown(self.folder, "nobody")
        config = folder / "farm-config"
        config.mkdir()
        (config / "main.cf").write_text("compatibility_level = 3.6\n")
        self.process = space.popen(
            ["smtp-sink", "-u", "nobody", "-4", "-h", "farm.example", "-d", f"{self.folder}/m.", f"127.0.0.1:{self.PORT}", "64"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(config)},
            stdout=(folder / "farm.log").open("wb"), stderr=subprocess.STDOUT)
        started(self, "smtp-sink", PATIENCE, lambda: listens(space, self.PORT))

    def received(self, subject):
        """The messages with that subject, as text with LF line ends; those complete so far."""
        found = []
        for path in sorted(self.folder.iterdir()):
            text = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
            if re.search(rf"^Subject: {re.escape(subject)}$", text, re.M):
                found.append(text)
        return found

    def stop(self):
        stop(self.process)


class NameServer:
    """nsd on 127.0.0.1:5353, authoritative for the senders' domains and for all reverse names."""

    PORT = 5353

    def __init__(self, space, folder: pathlib.Path, zones):
        self.space = space
        base = self.base = folder / "nsd"
        base.mkdir()
        lines = ["server:", f"  ip-address: 127.0.0.1@{self.PORT}", '  username: ""', '  chroot: ""',
                 "  server-count: 1", f'  zonesdir: "{base}"', '  database: ""', f'  pidfile: "{base}/nsd.pid"',
                 f'  xfrdfile: "{base}/xfrd.state"', f'  zonelistfile: "{base}/zone.list"', f'  xfrdir: "{base}"',
                 "  rrl-ratelimit: 0", "remote-control:", "  control-enable: no"]
        for domain, text in zones.items():
            (base / f"{domain}.zone").write_text(text)
            lines += ["zone:", f"  name: {domain}", f"  zonefile: {domain}.zone"]
        (base / "nsd.conf").write_text("\n".join(lines) + "\n")
        self.config, self.log = base / "nsd.conf", folder / "nsd.log"
        self.process = None
        self.start()

    def start(self):
        if self.process is None or self.process.poll() is not None:
            self.process = self.space.popen(["nsd", "-d", "-c", self.config], stdout=self.log.open("ab"),
                                            stderr=subprocess.STDOUT)
            started(self, "nsd", PATIENCE, lambda: listens(self.space, self.PORT, "-u"))

    def replace(self, domain, text):
        """Another zone for that domain, from now on."""
        zone = self.base / f"{domain}.zone"
        before = zone.stat().st_mtime_ns
        zone.write_text(text)
        if zone.stat().st_mtime_ns == before:  # by which nsd knows that there is something new
            os.utime(zone, ns=(before + 10**9, before + 10**9))
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        stop(self.process)
