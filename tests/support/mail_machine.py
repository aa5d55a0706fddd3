# SPDX-License-Identifier: BSD-3-Clause
"""A machine for one mail server: a file system laid over this one, processes of its own and a host name,
with packages of Debian's that would exclude those of other mail servers on one machine. The network is
that of this machine, or a namespace. All of it is gone when the test's own process is. As root; limits:
what a package's service would do at boot is not done (policy-rc.d)."""

import pathlib
import shlex
import socket
import subprocess
import tempfile
import threading

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
INSTALLING = 300  # seconds, at most

# Ends with cat: its input is held open by the test, and with it go all processes of the machine.
_BEGIN = """\
set -eu
folder=$1 shared=$2 name=$3 packages=$4
read -r outside rest < /proc/self/stat  # this shell, as the test knows it
mount --make-rprivate /
hostname "$name"
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
root=$folder/root
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"  # of its own, for /dev/log
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /srv/syslog.socket "$root/dev/log"
mkdir -p "$root$shared"
for there in /srv "$shared"; do mount --bind "$shared" "$root$there"; done
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
printf '127.0.0.1 localhost %s %s\\n' "$name" "${name%%.*}" > "$root/etc/hosts"
echo "$name" > "$root/etc/mailname"
if [ -n "$packages" ]; then
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends $packages >"$shared/apt.log" 2>&1 ||
    { tail -5 "$shared/apt.log" >&2; exit 1; }
fi
# Names are found in /etc/hosts, or not at all.
rm -f "$root/etc/resolv.conf"
printf 'lookup file\\nnameserver 127.0.0.1\\n' > "$root/etc/resolv.conf"
echo "$outside $root"
trap '' CHLD  # whoever is left to it is buried
exec cat
"""


class Machine:
    """shared: a folder of the test's that is there as well, by its own path and as /srv; what goes to syslog there is in
    its file `syslog`. Use as a context manager."""

    def __init__(self, shared: pathlib.Path, name, packages="", namespace=None):
        self.shared, self.name, self.packages, self.namespace = shared, name, packages, namespace

    def __enter__(self):
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.syslog.bind(str(self.shared / "syslog.socket"))
        (self.shared / "syslog.socket").chmod(0o666)
        (self.shared / "syslog").touch()
        threading.Thread(target=self._write_log, daemon=True).start()
        self.folder = tempfile.TemporaryDirectory(prefix="postern-machine-")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--uts", "--pid", "--fork", "sh", "-c", _BEGIN, "machine", self.folder.name,
             self.shared, self.name, self.packages],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": PATH, "HOME": "/root"})
        ready = self.process.stdout.readline().split()
        if len(ready) != 2:
            self.__exit__()
            raise RuntimeError(f"the machine for {self.packages or 'a mail server'} does not come up")
        self.first, self.root = ready
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(INSTALLING)
        self.folder.cleanup()
        self.syslog.shutdown(socket.SHUT_RDWR)

    def _write_log(self):
        with (self.shared / "syslog").open("ab", buffering=0) as log:
            while line := self.syslog.recv(1 << 16):
                log.write(line.rstrip(b"\0\n") + b"\n")
        self.syslog.close()

    def _inside(self, words):
        net = [f"--net=/run/netns/{self.namespace}"] if self.namespace else []
        return ["nsenter", "-t", self.first, "--mount", "--uts", "--pid", *net, "chroot", self.root, *map(str, words)]

    def run(self, *words, check=True, timeout=60, **options):
        """One program there, to its end; its output as text."""
        done = subprocess.run(self._inside(words), capture_output=True, text=True, timeout=timeout,
                              env={"PATH": PATH, "HOME": "/root"}, **options)
        if check and done.returncode:
            raise RuntimeError(f"{shlex.join(map(str, words))}: {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def sh(self, script, check=True, timeout=60):
        return self.run("sh", "-eu", "-c", script, check=check, timeout=timeout)

    def popen(self, *words, log):
        """A program that goes on there. Its end is that of the machine, or kill_all."""
        return subprocess.Popen(self._inside(words), stdin=subprocess.DEVNULL, stdout=log.open("ab"),
                                stderr=subprocess.STDOUT, env={"PATH": PATH, "HOME": "/root"})

    def kill_all(self):
        """Every process there is gone at once, as if the power had failed, but for the first."""
        self.sh("kill -KILL -1", check=False)

    def write(self, path, text, mode=0o644):
        """A file of the machine's, whole."""
        self.run("sh", "-eu", "-c", f'mkdir -p "$(dirname "$1")"; cat > "$1"; chmod {mode:o} "$1"', "sh", path, input=text)
