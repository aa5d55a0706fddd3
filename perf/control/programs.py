# SPDX-License-Identifier: BSD-3-Clause
"""The programs that the SMTP benchmarks run: postern-control with a policy that accepts everything, and
Postfix's smtpd as a before-queue proxy, each between smtp-source and smtp-sink on the loopback. Both are
started from empty folders of their own and ended by process id. What a program costs is the CPU time of
all the processes of its session, those that live and those that have ended."""

import os
import pathlib
import shutil
import subprocess
import time

from tests.support.loopback import PATIENCE, free_port, listens, wait_until

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
POLICY = """\
list pool "pool.netset" format cidr category dynamic
service mx 127.0.0.1/32 port 25
connection to mx
    inspect any
message
    accept any
"""

TICK = os.sysconf("SC_CLK_TCK")


class Program:
    """A process that leads a session; cpu_seconds is known when it has ended."""

    def __init__(self, words, **options):
        self.process = subprocess.Popen([str(w) for w in words], start_new_session=True, **options)
        self.pid = self.process.pid
        self.cpu_seconds = None

    def _cpu_now(self):
        """Of all that belong to the session, to the nanosecond, as ticks would be cut off once for each of many
        processes; and of the children that they have waited for, whose sum is kept in ticks."""
        ticks, nanoseconds = 0, 0
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) != self.pid:
                    continue
                ticks += sum(int(f) for f in fields[13:15])
                nanoseconds += sum(int(one.read_text().split()[0]) for one in path.glob("task/*/schedstat"))
            except OSError:
                continue
        return ticks / TICK + nanoseconds / 1e9

    def end(self):
        if self.cpu_seconds is not None:
            return
        self.cpu_seconds = self._cpu_now()
        self.process.terminate()
        self.process.wait(PATIENCE)


class Sink(Program):
    def __init__(self, folder):
        self.port = free_port()
        super().__init__([shutil.which("smtp-sink", path=PATH), "-u", "nobody", f"127.0.0.1:{self.port}", "1000"],
                         cwd=folder)
        wait_until("smtp-sink", lambda: listens(self.port))


class Control(Program):
    def __init__(self, build, folder, farm_port, *more, workers=1):
        folder.mkdir()
        (folder / "pool.netset").write_text("192.0.2.0/24\n")
        (folder / "site.policy").write_text(POLICY)
        programs = build / "control"
        subprocess.run([programs / "cli" / "postern", "compile", "--policy", folder / "site.policy", "-o",
                        folder / "site.snap"], check=True, capture_output=True)
        self.port = free_port()
        super().__init__(
            [programs / "postern-control", "--listen", f"127.0.0.1:{self.port}", "--farm", f"127.0.0.1:{farm_port}",
             "--snapshot", folder / "site.snap", "--name", "mx.farm.example", "--resolver", "127.0.0.1@9",
             "--greet-pause", "0", "--max-sessions", str(40_000 * workers), "--max-sessions-per-source", "40000",
             "--workers", str(workers), *more],
            stdout=subprocess.PIPE, stderr=(folder / "log").open("w"))
        if not self.process.stdout.readline().startswith(b"ready"):
            raise RuntimeError((folder / "log").read_text())

    def workers(self):
        """The processes that serve."""
        return [int(p) for p in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


class PostfixProxy(Program):
    """smtpd with smtpd_proxy_filter: Postfix's way to pass mail on before it is queued."""

    def __init__(self, folder, farm_port):
        queue, config, data = (folder / name for name in ("queue", "config", "data"))
        for path in (folder, queue, config, data):
            path.mkdir()
            path.chmod(0o755)
        subprocess.run(["chown", "postfix:", data], check=True)
        self.port = free_port()
        (config / "main.cf").write_text("\n".join([
            "compatibility_level = 3.6", f"queue_directory = {queue}", f"data_directory = {data}",
            f"maillog_file = {folder / 'mail.log'}", f"maillog_file_prefixes = {folder}", "mydestination = example.com",
            "local_recipient_maps =", "myhostname = mx.farm.example", "inet_protocols = ipv4", "mynetworks = 127.0.0.0/8",
            "inet_interfaces = loopback-only", "alias_maps =", "smtpd_client_connection_count_limit = 0",
            "smtpd_peername_lookup = no", ""]))
        (config / "master.cf").write_text("\n".join([
            f"127.0.0.1:{self.port} inet n - n - 200 smtpd -o smtpd_proxy_filter=127.0.0.1:{farm_port}",
            "cleanup unix n - n - 0 cleanup", "rewrite unix - - n - - trivial-rewrite", "anvil unix - - n - 1 anvil",
            "proxymap unix - - n - - proxymap", "bounce unix - - n - 0 bounce", "verify unix - - n - 1 verify",
            "postlog unix-dgram n - n - 1 postlogd", ""]))
        subprocess.run(["postfix", "-c", config, "check"], check=False, capture_output=True, env={**os.environ, "PATH": PATH})
        super().__init__(["/usr/lib/postfix/sbin/master", "-c", config, "-d"],
                         stdout=(folder / "master.log").open("w"), stderr=subprocess.STDOUT)
        wait_until("Postfix", lambda: listens(self.port))


def folder_for(where, name):
    path = pathlib.Path(where) / name
    if path.exists():
        shutil.rmtree(path)
    return path
