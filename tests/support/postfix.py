# SPDX-License-Identifier: BSD-3-Clause
"""A Postfix that lives in one folder: its configuration, queue and log, and its daemons, which are
processes of whoever started it. What is the same for every test stands here; what it takes, from whom and
for whom is the test's. As root, for Postfix has users of its own, and in a folder that they can reach."""

import os
import pathlib
import subprocess

MASTER = "/usr/lib/postfix/sbin/master"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SERVICES = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
pickup unix n - n 60 1 pickup
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


def on_this_machine(words, log=None):
    """Runs a program to its end, or starts it where it has a log."""
    options = {"env": {**os.environ, "PATH": PATH}, "stderr": subprocess.STDOUT}
    if log is None:
        return subprocess.run(words, stdout=subprocess.PIPE, check=False, **options)
    # In a session of its own, as master ends its process group when it ends.
    return subprocess.Popen(words, stdout=log.open("ab"), start_new_session=True, **options)


class Postfix:
    """main: lines of main.cf beside those that are here, or instead of them, as the last one counts. listeners: port ->
    the options of the smtpd that listens there on loopback. run: starts programs, as on_this_machine does."""

    def __init__(self, folder: pathlib.Path, main, listeners, chroot=False, run=on_this_machine):
        self.folder, self.run, self.master = folder, run, None
        self.queue, self.config, data = (folder / name for name in ("queue", "config", "data"))
        for path in (folder, self.queue, self.config, data):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
        subprocess.run(["chown", "postfix:", data], check=True)
        self.log = folder / "mail.log"
        (self.config / "main.cf").write_text("\n".join([
            "compatibility_level = 3.6", f"queue_directory = {self.queue}", f"data_directory = {data}",
            f"maillog_file = {self.log}", f"maillog_file_prefixes = {folder}", "mydestination =", "alias_maps =",
            "inet_protocols = ipv4", "inet_interfaces = loopback-only", "smtp_dns_support_level = disabled",
            "mynetworks = 127.0.0.0/8", "smtpd_peername_lookup = no", *main, ""]))
        (self.config / "master.cf").write_text("".join(
            f"127.0.0.1:{port} inet n - {'y' if chroot else 'n'} - - smtpd {options}\n" for port, options in listeners.items())
            + SERVICES)
        run(["postfix", "-c", str(self.config), "check"])

    def start(self):
        """In the foreground, so that it is a process of ours."""
        self.master = self.run([MASTER, "-c", str(self.config), "-d"], log=self.folder / "master.log")

    def stop(self, seconds=60):
        if self.master is not None and self.master.poll() is None:
            self.master.terminate()  # it ends its own
            self.master.wait(seconds)
