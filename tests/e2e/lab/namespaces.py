# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces, veth pairs and addresses of one lab, and their removal.

Every namespace is named `postern-ROLE-ID`; what a lab made is written down beside it, so that the
next lab removes what a killed one left behind, and nothing else.
"""

import json
import os
import pathlib
import subprocess

RECORDS = pathlib.Path("/run/postern-lab")


def command(*words, check=True, timeout=60):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {(done.stderr or done.stdout).strip()}")
    return done


class Namespace:
    """One network namespace. Commands enter it by nsenter, which leaves bpffs visible."""

    def __init__(self, name):
        self.name = name
        command("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def prefix(self):
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def run(self, *words, check=True, timeout=60):
        return command(*self.prefix(), *words, check=check, timeout=timeout)

    def popen(self, words, **options):
        return subprocess.Popen(self.prefix() + [str(w) for w in words], **options)


class Network:
    """The three namespaces and the two cables. Use as a context manager."""

    SERVICE_V4 = "198.51.100.25"
    SERVICE_V6 = "2001:db8:25::25"
    SENDERS, FARM = "postern-senders", "postern-farm"  # the outer ends of the cables

    def __init__(self):
        self.identity = str(os.getpid())
        self.record = RECORDS / f"{self.identity}.json"

    def __enter__(self):
        remove_leftovers()
        RECORDS.mkdir(parents=True, exist_ok=True)
        self.record.write_text(json.dumps([f"postern-{r}-{self.identity}" for r in ("wan", "box", "mx")]))
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        remove_recorded(self.record)

    def _build(self):
        self.wan, self.box, self.mx = (
            Namespace(f"postern-{role}-{self.identity}") for role in ("wan", "box", "mx"))
        for outer, outer_name, inner_name in (
                (self.wan, self.SENDERS, "postern-wan"), (self.mx, self.FARM, "postern-mx")):
            command("ip", "link", "add", outer_name, "netns", outer.name, "type", "veth",
                    "peer", "name", inner_name, "netns", self.box.name)
            for space, device in ((outer, outer_name), (self.box, inner_name)):
                space.run("sysctl", "-qw", "net.ipv6.conf.%s.accept_dad=0" % device, check=False)
                # A veth end hands on packets whose checksum is still to be made; the wire has none
                # to make it, so the ends that speak TCP must.
                space.run("ethtool", "-K", device, "tx", "off", "rx", "off", "tso", "off", "gso", "off",
                          "gro", "off", check=False)
                space.run("ip", "link", "set", device, "up")
        for device in ("postern-wan", "postern-mx"):
            # The box has no addresses of its own on the wire; it must not even speak IPv6 there.
            self.box.run("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1", check=False)
        self.mx.run("ip", "address", "add", f"{self.SERVICE_V4}/32", "dev", self.FARM)
        self.mx.run("ip", "-6", "address", "add", f"{self.SERVICE_V6}/128", "dev", self.FARM, "nodad")
        self.mx.run("ip", "route", "add", "default", "dev", self.FARM)
        self.mx.run("ip", "-6", "route", "add", "default", "dev", self.FARM)
        self.wan.run("ip", "route", "add", f"{self.SERVICE_V4}/32", "dev", self.SENDERS)
        self.wan.run("ip", "-6", "route", "add", f"{self.SERVICE_V6}/128", "dev", self.SENDERS)

    def take_redirected(self, program, section="xdp"):
        """A veth end takes frames that XDP sent to it only while it has an XDP program itself; a
        network card takes them always. `program` is the object file of one that passes everything;
        its section xdp.frags is for a large MTU."""
        for space, device in ((self.wan, self.SENDERS), (self.mx, self.FARM)):
            space.run("ip", "link", "set", "dev", device, "xdp", "obj", program, "sec", section)

    def add_source(self, address):
        """Gives the senders' side one more address to send from."""
        if ":" in address:
            self.wan.run("ip", "-6", "address", "add", f"{address}/128", "dev", self.SENDERS, "nodad")
        else:
            self.wan.run("ip", "address", "add", f"{address}/32", "dev", self.SENDERS)

    def add_inside(self, address):
        """Gives the farm's side one more address, which the senders' side finds there."""
        self.mx.run("ip", "address", "add", f"{address}/32", "dev", self.FARM)
        self.wan.run("ip", "route", "add", f"{address}/32", "dev", self.SENDERS)

    def service(self, source):
        return self.SERVICE_V6 if ":" in source else self.SERVICE_V4


def remove_recorded(record):
    try:
        names = json.loads(record.read_text())
    except (OSError, ValueError):
        names = []
    for name in names:
        if name.startswith("postern-") and os.path.exists(f"/run/netns/{name}"):
            command("ip", "netns", "delete", name, check=False)
    record.unlink(missing_ok=True)


def remove_leftovers():
    """What a lab that was killed could not remove itself. Its process must be gone."""
    for record in RECORDS.glob("*.json"):
        if not pathlib.Path(f"/proc/{record.stem}").exists():
            remove_recorded(record)
