# SPDX-License-Identifier: BSD-3-Clause
"""How long until a million addresses are in force (P6): `postern apply` of a text list on a running
engine, and the load of a compiled snapshot, against `nft -f` and `ipset restore` of the same
addresses. All in namespaces of the bench's own, one of each in turn; what was loaded is asked for
afterwards on every side. Run it by `perf/run load`; perf/README.md says how to read it."""

import argparse
import json
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

from tests.e2e.lab import product
from tests.e2e.lab.namespaces import Network, command

POLICY = """service mx 198.51.100.0/24 port 25
connection to mx
    drop category spam
"""
LISTS = 50  # that the addresses are spread over, to change one of them
PROBES = 1000  # addresses asked for after each load, half of them listed


def arguments():
    parser = argparse.ArgumentParser(prog="perf/run load", description="Time loading against nft and ipset.")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--entries", type=int, default=1_000_000, help="scattered /32 (default %(default)s)")
    parser.add_argument("--passes", type=int, default=10, help="of each side (default %(default)s, at least 10)")
    parser.add_argument("--engine", choices=("xdp", "dpdk"), default="xdp", help="(default %(default)s)")
    parser.add_argument("--lists", type=pathlib.Path, metavar="DIR", help="apply these published lists, too")
    parser.add_argument("--alone", action="store_true", help="without nft and ipset, which take half a minute a pass")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file, too")
    given = parser.parse_args()
    if given.passes < 10 or given.entries < PROBES:
        parser.error(f"at least 10 passes and {PROBES} entries")
    return given


def dotted(number):
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


class Addresses:
    """The same addresses for every side, in the order in which they were drawn."""

    def __init__(self, count, folder):
        draw = random.Random(1)
        chosen = {}
        while len(chosen) < count:
            chosen[draw.getrandbits(32)] = None
        self.all = [dotted(number) for number in chosen]
        absent = []
        while len(absent) < PROBES // 2:
            number = draw.getrandbits(32)
            if number not in chosen:
                absent.append(dotted(number))
        self.probes = [(a, True) for a in draw.sample(self.all, PROBES // 2)] + [(a, False) for a in absent]
        self.one_list = self._policy(folder, "hosts", [self.all])
        self.many_lists = self._policy(folder, "part", [self.all[i::LISTS] for i in range(LISTS)])

    def with_published(self, folder, files):
        """-> a policy of published lists and a small one of the site's own."""
        text = "".join(f'list published{number} "{file}" category published\n' for number, file in enumerate(files))
        return self._policy(folder, "own", [[address for address, listed in self.probes if listed]], text)

    @staticmethod
    def _policy(folder, name, lists, text=""):
        for number, addresses in enumerate(lists):
            (folder / f"{name}{number}.txt").write_text("\n".join(addresses) + "\n")
            text += f'list {name}{number} "{name}{number}.txt" category spam\n'
        path = folder / f"{name}.policy"
        path.write_text(text + POLICY)
        return path


class Side:
    """One way of loading, timed from the start of its program to its end."""

    def __init__(self, name):
        self.name, self.seconds = name, []

    def run(self):
        self.prepare()
        begin = time.perf_counter()
        self.load()
        self.seconds.append(time.perf_counter() - begin)
        self.verify()

    def prepare(self):
        pass


class Apply(Side):
    """Text -> in force: reads what it does not know, compiles, writes the snapshot, has the engine load it."""

    def __init__(self, name, build, engine, policy, snapshot, probes, previous=()):
        super().__init__(name)
        self.postern, self.engine, self.policy, self.snapshot = build / "control/cli/postern", engine, policy, snapshot
        self.probes, self.previous, self.reading = probes, previous, []

    def load(self):
        self.said = json.loads(command(self.postern, "apply", "--json", "--policy", self.policy, "-o", self.snapshot,
                                       *self.previous, "--engine", self.engine.socket, timeout=120).stdout)
        self.reading.append(self.said["seconds"]["reading"])

    def verify(self):
        require(self.engine.api.call("GET", "/v1/health")["generation"] == self.said["generation"],
                f"{self.name}: the engine has other rules")
        for address, listed in self.probes[::len(self.probes) // 20]:
            said = json.loads(command(self.postern, "explain", address, "--json", "--snapshot", self.snapshot).stdout)
            require(bool(said["lists"]) == listed, f"{self.name}: {address} is wrong")


class ApplyChanged(Apply):
    """One list of many has another line each time; the others are known from the snapshot in force."""

    def __init__(self, name, build, engine, policy, snapshot, probes, changing):
        super().__init__(name, build, engine, policy, snapshot, probes)
        self.changing, self.changes = changing, 0

    def prepare(self):
        self.changes += 1
        with self.changing.open("a") as file:
            file.write(f"# change {self.changes}\n")

    def verify(self):
        super().verify()
        read = [one["name"] for one in self.said["lists"] if not one["unchanged"]]
        require(read == [self.changing.stem], f"{self.name}: {read} were read")


class Reload(Side):
    """A compiled snapshot -> in force: one request of the management API."""

    def __init__(self, engine, snapshot):
        super().__init__("compiled snapshot")
        self.engine, self.snapshot = engine, snapshot

    def load(self):
        self.generation = self.engine.api.call("PUT", "/v1/snapshot", {"path": str(self.snapshot)})["generation"]

    def verify(self):
        require(self.engine.api.call("GET", "/v1/health")["generation"] == self.generation,
                f"{self.name}: the engine has other rules")


class Explain(Side):
    """One address, by a file or by the rules in force in the engine; another one each time."""

    def __init__(self, name, build, addresses, where):
        super().__init__(name)
        self.words = [build / "control/cli/postern", "explain", "--json", *where]
        self.probes = iter(addresses.probes * 10)

    def prepare(self):
        self.address, self.listed = next(self.probes)

    def load(self):
        self.said = json.loads(command(*self.words, self.address).stdout)

    def verify(self):
        account = self.said.get("engines", [self.said])[0]
        require(bool(account["lists"]) == self.listed, f"{self.name}: {self.address} is wrong")


class Peer(Side):
    """A program that reads a file of its own language into an empty set of the kernel."""

    def __init__(self, name, space, words, text, file):
        super().__init__(name)
        self.space, self.words, self.file = space, [*words, file], file
        file.write_text(text)

    def load(self):
        self.space.run(*self.words, timeout=300)


class Nft(Peer):
    """flags: "interval" is what a list with prefixes in it needs; without, only hosts can be in it."""

    SETTLES = 10  # seconds: just after loading, the kernel's hash still grows, and what is read back is not whole

    def __init__(self, name, space, addresses, folder, flags):
        elements = ",\n".join(addresses.all)
        super().__init__(name, space, ["nft", "-f"],
                         f"add set inet bench hosts {{ type ipv4_addr; {flags}elements = {{ {elements} }} }}\n",
                         folder / f"{name.replace(' ', '-')}.nft")
        self.addresses = addresses

    def prepare(self):
        self.space.run("nft", "delete table inet bench", check=False, timeout=120)
        self.space.run("nft", "add table inet bench")

    def verify(self):
        """Only in the first pass: nft reads the whole set back, which takes as long as loading it."""
        if len(self.seconds) > 1:
            return
        time.sleep(self.SETTLES)
        text = self.space.run("nft", "list set inet bench hosts", timeout=300).stdout
        found = set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))
        for address, listed in self.addresses.probes:
            require((address in found) == listed, f"{self.name}: {address} is wrong")


class Ipset(Peer):
    """hash:net takes prefixes of any length, as a list has them; hash:ip only hosts."""

    def __init__(self, name, kind, space, addresses, folder):
        super().__init__(name, space, ["ipset", "restore", "-file"],
                         f"create hosts {kind} hashsize 1048576 maxelem {len(addresses.all)}\n" +
                         "".join(f"add hosts {address}\n" for address in addresses.all), folder / f"{kind}.ipset")
        self.addresses = addresses

    def prepare(self):
        self.space.run("ipset", "destroy", "hosts", check=False)

    def verify(self):
        for address, listed in self.addresses.probes[::PROBES // 20]:
            found = self.space.run("ipset", "test", "hosts", address, check=False).returncode == 0
            require(found == listed, f"{self.name}: {address} is wrong")


def require(held, otherwise):
    if not held:
        raise RuntimeError(otherwise)


def report(sides, given):
    versions = ", ".join((command("nft", "--version").stdout.split(" (")[0], command("ipset", "--version").stdout.split(",")[0],
                          "kernel " + command("uname", "-r").stdout.split("-")[0].strip()))
    print(f"{given.entries:,} scattered /32 into the {given.engine} engine, {given.passes} passes of each in turn, {versions}\n")
    print(f"{'':<36}{'min s':>9}{'median s':>10}{'max s':>9}{'slower than apply':>20}")
    ours = statistics.median(sides[0].seconds)
    rows = []
    for side in sides:
        median = statistics.median(side.seconds)
        ratio = f"{median / ours:.1f}x" if isinstance(side, Peer) else ""
        print(f"{side.name:<36}{min(side.seconds):>9.3f}{median:>10.3f}{max(side.seconds):>9.3f}{ratio:>20}")
        rows.append({"name": side.name, "seconds": side.seconds, "median": median})
        if isinstance(side, Apply):
            reading = statistics.median(side.reading)
            print(f"{'  of it reading lists':<36}{min(side.reading):>9.3f}{reading:>10.3f}{max(side.reading):>9.3f}")
            rows[-1]["reading"] = side.reading
    if given.json:
        given.json.write_text(json.dumps({"entries": given.entries, "engine": given.engine, "versions": versions,
                                          "sides": rows}) + "\n")


def bench(given, folder, network):
    addresses = Addresses(given.entries, folder)
    snapshot, many = folder / "snapshot", folder / "many"
    postern = given.build / "control/cli/postern"
    compiled = [(addresses.one_list, snapshot), (addresses.many_lists, many)]
    if given.lists:
        files = sorted(given.lists.iterdir())
        compiled.append((addresses.with_published(folder, files), folder / "published"))
    for policy, output in compiled:
        command(postern, "compile", "--policy", policy, "-o", output, timeout=60)
    engine = product.Engine(given.build, given.engine, folder, snapshot, network.box.popen)
    new = ("--previous", "none")  # nothing is known
    try:
        probes = addresses.probes
        sides = [Apply("postern apply, text list", given.build, engine, addresses.one_list, snapshot, probes, new),
                 Reload(engine, snapshot),
                 Apply(f"postern apply, {LISTS} text lists", given.build, engine, addresses.many_lists, many, probes, new),
                 ApplyChanged(f"postern apply, 1 of {LISTS} changed", given.build, engine, addresses.many_lists, many, probes,
                              folder / "part0.txt"),
                 Explain("postern explain, file", given.build, addresses, ["--snapshot", snapshot]),
                 Explain("postern explain, engine", given.build, addresses, ["--engine", engine.socket])]
        if given.lists:
            policy, output = compiled[-1]
            listed = [probe for probe in probes if probe[1]]
            sides += [Apply(f"postern apply, {len(files)} published lists", given.build, engine, policy, output, listed, new),
                      ApplyChanged("postern apply, a small one changed", given.build, engine, policy, output, listed,
                                   folder / "own0.txt")]
        if not given.alone:
            sides += [Ipset("ipset restore, hash:ip", "hash:ip", network.wan, addresses, folder),
                      Ipset("ipset restore, hash:net", "hash:net", network.wan, addresses, folder),
                      Nft("nft -f, hosts only", network.mx, addresses, folder, ""),
                      Nft("nft -f, interval set", network.mx, addresses, folder, "flags interval; ")]
        for number in range(given.passes):
            for side in sides:
                side.run()
            print(f"pass {number + 1}: " + ", ".join(f"{s.name} {s.seconds[-1]:.3f} s" for s in sides), file=sys.stderr)
    finally:
        engine.stop()
    report(sides, given)


def main():
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="postern-load-") as name, Network() as network:
        if given.engine == "dpdk":
            with product.Hugepages():
                bench(given, pathlib.Path(name), network)
        else:
            bench(given, pathlib.Path(name), network)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"load_bench: {error}", file=sys.stderr)
        sys.exit(1)
