# SPDX-License-Identifier: BSD-3-Clause
"""postern-control as the ledger runs it: in front of two backends, with certificates, and as root in a file
system of its own for messages, which is soon full. Kills take turns: the whole of it, which is started again by
the test, or its workers, which its parent starts again."""

import asyncio
import contextlib
import os
import pathlib
import signal
import subprocess

from tests.support.loopback import free_port


CONTROL = os.environ.get("POSTERN_CONTROL", "")
POSTERN = os.environ.get("POSTERN_PROGRAM", "")
PATIENCE = 60  # for one answer; what is cut or silent is noticed much sooner by control's own limits

POLICY = """\
list pool "pool.netset" format cidr category dynamic
service mx 127.0.0.1/32 port 25
connection to mx
    drop category dynamic
message
    accept any
"""


class Control:
    def __init__(self, folder, farm_ports, certificate, *, outbound=False, final_time=180, workers=1, room="300k"):
        """certificate: the options of the command line that show it (tests/support/certificate_authority.py).
        final_time: seconds, for the farm's answer to a text, by default as long as a farm may be slow here, else a
        message would be there twice because this test was not scheduled. room: for messages; by default one of the
        largest fits, two at once do not."""
        self.folder, self.farm_ports, self.outbound = folder, farm_ports, outbound
        self.final_time, self.workers, self.room = final_time, workers, room
        self.certificate = ["--certificate", certificate[1], "--key", certificate[3]]
        (folder / "pool.netset").write_text("192.0.2.0/24\n")
        (folder / "site.policy").write_text(POLICY)
        subprocess.run([POSTERN, "compile", "--policy", folder / "site.policy", "-o", folder / "site.snap"],
                       check=True, capture_output=True)
        self.spool = folder / "spool"
        self.spool.mkdir()
        # No client is given it by the kernel, so control finds it again after a kill.
        self.port, self.process, self.kills = free_port(), None, 0
        self.killing = asyncio.Lock()
        self.log = (folder / "control.log").open("w")
        if outbound:
            subprocess.run([POSTERN, "keygen", "b.example", "s", "-o", "key.pem"], cwd=folder, check=True,
                           capture_output=True)
            (folder / "keys").write_text("b.example s key.pem\n")

    def doors(self):
        here = f"127.0.0.1:{self.port}"
        backends = [f"127.0.0.1:{self.farm_ports[0]}", f"127.0.0.1:{self.farm_ports[1]},tls=require"]
        if not self.outbound:
            return ["--listen", here] + [word for backend in backends for word in ("--farm", backend)]
        return ["--outbound", here, "--outbound-from", "127.0.0.0/8", "--dkim-keys", str(self.folder / "keys")] + [
            word for backend in backends for word in ("--smarthost", backend)]

    async def start(self):
        words = [CONTROL, *self.doors(), *self.certificate, "--snapshot", str(self.folder / "site.snap"), "--name",
                 "mx.farm.example", "--resolver", "127.0.0.1@9", "--greet-pause", "0", "--error-rate", "0",
                 "--unknown-rate", "0", "--spool", str(self.spool), "--spool-memory", "4K",
                 # A client that pauses is told from one that is gone by ten times the time.
                 "--command-time", "3s", "--text-time", "3s", "--farm-stall", "300ms",
                 "--farm-connect-time", "3s", "--farm-reply-time", "3s",
                 "--farm-final-time", f"{self.final_time}s", "--workers", str(self.workers)]
        if os.getuid() == 0:
            words = ["unshare", "-m", "sh", "-c",
                     f'mount -t tmpfs -o size={self.room} none "$0" && exec "$@"', str(self.spool)] + words
        self.process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, stderr=self.log)
        ready = (await self.process.stdout.readline()).decode()
        assert ready.startswith("ready "), self.said()[-2000:]

    def said(self):
        return (self.folder / "control.log").read_text()

    async def kill(self):
        async with self.killing:
            self.kills += 1
            if self.kills % 2 == 0:  # a worker alone: its parent starts another one, and connections wait
                pid = self.process.pid
                for worker in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(worker), signal.SIGKILL)
                return
            self.process.kill()
            await self.process.wait()
            await self.start()

    async def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self.process.wait(), PATIENCE)
        self.log.close()
        assert "system-call state=refused" not in self.said()
        return status
