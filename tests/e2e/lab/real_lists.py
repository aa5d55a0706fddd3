# SPDX-License-Identifier: BSD-3-Clause
"""The published lists of POSTERN_DATA in the lab's policy, read as they are (compressed), and from
each an address that no other judged list has, to send from. What is left out is said with its reason."""

import dataclasses
import ipaddress
import json
import lzma
import os
import pathlib
import re
import subprocess

# file: (name, format, category). What becomes of a category is in RULES.
READ = {
    "spamhaus-drop-v4.json.xz": ("spamhaus", "drop", "published-hijacked"),
    "spamhaus-drop-v6.ipset.xz": ("spamhaus-v6", "ipset", "published-hijacked"),
    "oxl-net-dynamic.txt.xz": ("oxl-net", "cidr", "published"),
    "oxl-ip-dynamic.txt.xz": ("oxl-ip", "cidr", "published"),
    "oxl-net-hosting.txt.xz": ("oxl-hosting", "cidr", "published"),
    "bitwire-inbound.txt.xz": ("bitwire", "cidr", "published"),
    "romainmarcoux-full.txt.xz": ("romainmarcoux", "cidr", "published"),
    "ipsum-weighted.txt.xz": ("ipsum", "weighted", "published"),
    "wael.p2p.xz": ("wael", "p2p", "published"),
    "misp-smtp-sending-ips.json.xz": ("misp-senders", "misp", "published-senders"),
    "ipverse-allocations-v4.txt.xz": ("ipverse-v4", "cidr", "allocated"),
    "ipverse-allocations-v6.txt.xz": ("ipverse-v6", "cidr", "allocated"),
}
RULES = {
    "published-senders": ("allow", "accepted, dkim=none"),
    "published-hijacked": ("reset", "refused, rule-reset"),
    "published": ("drop", "timed out, rule-drop"),
    "allocated": (None, "accepted, dkim=none"),  # a list that no rule names stops nobody
}
# The lab sends from documentation networks, which some lists have as bogons.
OWN = "203.0.113.0/24\n192.0.2.0/24\n2001:db8::/32\n"
NO_DATA = "POSTERN_DATA is not set"
TRIED = 400  # addresses of a list, spread over all of it


@dataclasses.dataclass
class RealList:
    name: str
    format: str
    category: str
    file: pathlib.Path
    address: str = ""

    def expected(self):
        return RULES[self.category][1]


def find(data=os.environ.get("POSTERN_DATA")):
    """-> (lists, {what is left out: why})"""
    if not data:
        return [], {"published lists": NO_DATA}
    folder = pathlib.Path(data) / "rules"
    lists = [RealList(*READ[path.name], path) for path in sorted(folder.iterdir()) if path.name in READ]
    left_out = {path.name: "the lab names no reader for it" for path in folder.iterdir() if path.name not in READ}
    left_out |= {name: f"it is not in {folder}" for name in READ if not (folder / name).exists()}
    return lists, left_out


def declarations(lists, folder):
    """The lines of the policy that declare them; puts what they name into `folder`."""
    if not lists:
        return ""
    (folder / "own.cidr").write_text(OWN)
    lines = ['list own "own.cidr" format cidr category own']
    for real in lists:
        (folder / real.file.name).symlink_to(real.file.resolve())
        lines.append(f'list {real.name} "{real.file.name}" format {real.format} category {real.category}')
    return "\n".join(lines) + "\n"


def rules(lists):
    """The lines that judge them, for the end of a `connection` block."""
    if not lists:
        return ""
    present = {real.category for real in lists}
    named = [f"    {action} category {category}" for category, (action, _) in RULES.items()
             if action and category in present]
    return "\n".join(["    inspect list own", *named]) + "\n"


def addresses_in(text):
    """Addresses of lines spread over a list, whatever its format: the first of each line's range."""
    lines = text.splitlines()
    for line in lines[:: max(1, len(lines) // TRIED)]:
        found = re.search(r"(?<![\w.:])(\d+(?:\.\d+){3}|[0-9a-f]+:[0-9a-f:]+)(/\d+)?(?![\w.])", line.rpartition(":")[2]
                          if line.count(":") == 1 else line)
        if not found:
            continue
        try:
            net = ipaddress.ip_network(found[0], strict=False)
        except ValueError:
            continue
        if net.is_global:
            yield str(net[1] if net.num_addresses > 2 else net[0])


def choose_addresses(build, snapshot, lists):
    """Gives each list an address that is in no other list that is judged."""
    judged = {real.name for real in lists if RULES[real.category][0]}
    for real in lists:
        text = lzma.decompress(real.file.read_bytes()).decode("latin-1")
        for address in addresses_in(text):
            told = json.loads(subprocess.run([build / "control/cli/postern", "explain", address, "--snapshot", snapshot, "-j"],
                                             check=True, capture_output=True, text=True).stdout)
            names = {one["list"] for one in told["lists"]}
            if real.name in names and not (names - {real.name}) & judged:
                real.address = address
                break
        else:
            raise RuntimeError(f"found no address that {real.file.name} has and no other list")
