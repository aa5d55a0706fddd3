#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom, as a table, and the check that holds the tree to it.

The table below is the layering of docs/architecture.md. Each rule names a folder, the folders of
this tree that its files may include, and patterns of foreign headers that they may not (or, for
freestanding code, the only ones that they may). The longest folder that matches a file decides; a
source file in a folder that no rule names is itself a violation, so that a new folder has to take
its place here. Quoted includes are written from the root of the tree.

Every source file also opens with an SPDX line and a paragraph that says what it is, and has one
anonymous namespace at most.

Limits: includes are read line by line, without a preprocessor; one that stands in a comment on a
line of its own counts, one that is made by a macro is refused. Prints `file:line: what` for each
violation; exit status 1 when there is one, 2 for wrong usage.
"""

import fnmatch
import os
import re
import sys
from dataclasses import dataclass, field
from typing import Iterator, List, Optional, Tuple


@dataclass(frozen=True)
class Rule:
    folder: str
    # Folders (with all below them) or single files of this tree, as prefixes of paths.
    may: Tuple[str, ...]
    # Foreign headers, as shell patterns.
    never: Tuple[str, ...] = ()
    # When given, the only foreign headers that are allowed.
    only: Optional[Tuple[str, ...]] = None
    # Headers that the build makes, as shell patterns of what is written between the quotes.
    generated: Tuple[str, ...] = ()


# C that has no C library under it: what every freestanding compiler brings along.
FREESTANDING = ("stddef.h", "stdint.h", "stdbool.h", "limits.h")
SOCKETS = ("sys/socket.h", "sys/un.h", "netinet/*", "netdb.h", "net/*", "boost/asio*",
           "boost/beast*", "unbound.h", "pcap*")
PACKETS = ("linux/if*", "linux/ip*", "linux/tcp.h", "linux/bpf*", "bpf/*", "xdp/*", "rte_*")
DPDK = ("rte_*", "*/rte_*")
BPF = ("bpf/*", "linux/bpf*", "xdp/*")
ENGINE_LIBRARIES = DPDK + BPF

RULES = (
    # Facts and policy -> snapshot. The ABI is read by BPF and lies below everything. One header
    # of it is C++ (vocabulary.h), which is said here rather than left to chance.
    Rule("rules/abi", ("rules/abi",), only=FREESTANDING),
    Rule("rules/abi/vocabulary.h", ("rules/abi",), only=("array", "optional", "string_view")),
    Rule("rules", ("rules",), never=SOCKETS + PACKETS),

    # The engines.
    Rule("dataplane/core", ("rules/abi", "dataplane/core"), only=FREESTANDING),
    Rule("dataplane/engine", ("rules", "dataplane/core", "dataplane/engine"),
         never=ENGINE_LIBRARIES),
    # libbpf too: an interface under net_af_xdp is claimed from whatever XDP program is on it.
    Rule("dataplane/dpdk", ("rules", "dataplane/core", "dataplane/engine", "dataplane/dpdk")),
    Rule("xdp/bpf", ("rules/abi", "dataplane/core", "xdp/bpf"),
         only=FREESTANDING + ("linux/*", "bpf/*"), generated=("vmlinux.h",)),
    # The loader shares map names and layouts with the program that it loads.
    Rule("xdp/loader", ("rules", "dataplane/core", "dataplane/engine", "xdp/bpf", "xdp/loader"),
         never=DPDK, generated=("*.skel.h",)),

    # Control: smtp, milter -> learning -> policy -> auth, names, reputation -> dns, and directory
    # beside dns. It never includes an engine; learning speaks to one through
    # control/web/engine_client.h, and the doors know of engines only by that.
    # Below all of it: what runs on a loop, sockets that are listened on, and processes. They know
    # no protocol.
    Rule("control/loop", ("control/loop",), never=ENGINE_LIBRARIES),
    Rule("control/listen", ("rules", "control/loop", "control/listen"), never=ENGINE_LIBRARIES),
    Rule("control/process", ("rules", "control/listen", "control/process"),
         never=ENGINE_LIBRARIES),
    Rule("control/dns", ("rules", "control/dns"), never=ENGINE_LIBRARIES),
    # Of dns it takes the one form of domain names, and where its servers are.
    Rule("control/directory", ("rules", "control/dns/domain_name.h", "control/dns/host_lookup.h",
                               "control/loop", "control/directory"),
         never=ENGINE_LIBRARIES),
    Rule("control/auth", ("rules", "control/dns", "control/auth"), never=ENGINE_LIBRARIES),
    # Names are only looked at: who asks the DNS for them is above.
    Rule("control/names", ("rules", "control/names"), never=ENGINE_LIBRARIES + SOCKETS),
    Rule("control/reputation", ("rules", "control/dns", "control/reputation"),
         never=ENGINE_LIBRARIES),
    Rule("control/policy", ("rules", "control/dns", "control/auth", "control/names",
                            "control/reputation", "control/policy"), never=ENGINE_LIBRARIES),
    Rule("control/web", ("rules", "control/web"), never=ENGINE_LIBRARIES),
    Rule("control/learning", ("rules", "control/reputation", "control/policy",
                              "control/web/engine_client.h", "control/loop",
                              "control/learning"),
         never=ENGINE_LIBRARIES),
    Rule("control/smtp", ("rules", "control/dns", "control/auth", "control/names",
                          "control/reputation", "control/policy", "control/learning",
                          "control/directory", "control/listen", "control/loop",
                          "control/smtp"),
         never=ENGINE_LIBRARIES),
    Rule("control/milter", ("rules", "control/dns", "control/auth", "control/reputation",
                            "control/policy", "control/learning", "control/listen",
                            "control/milter"), never=ENGINE_LIBRARIES),
    # On top: what puts the parts together. cli also runs the core offline (decision 0003).
    Rule("control/config", ("rules", "control"), never=ENGINE_LIBRARIES),
    Rule("control/cli", ("rules", "control", "dataplane/core"), never=ENGINE_LIBRARIES),

    # Tests and benchmarks stand outside and may look at everything.
    Rule("tests", ("rules", "dataplane", "xdp", "control", "tests"), generated=("*.skel.h",)),
    Rule("perf", ("rules", "dataplane", "xdp", "control", "tests", "perf"),
         generated=("*.skel.h",)),
)

FOLDERS = ("rules", "dataplane", "xdp", "control", "tests", "perf")
SOURCES = (".h", ".c", ".cc")
SCRIPTS = (".py", ".sh")
INCLUDE = re.compile(r"^\s*#\s*(?:include(?:_next)?|import)\b\s*(.*)$")
NAMED = re.compile(r'^(?:"([^"]+)"|<([^>]+)>)')
SHORTEST_PARAGRAPH = 12  # characters of prose: one short sentence at least


@dataclass(frozen=True, order=True)
class Violation:
    file: str
    line: int
    what: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")


def rule_of(path: str) -> Optional[Rule]:
    matching = [rule for rule in RULES if is_under(path, rule.folder)]
    return max(matching, key=lambda rule: len(rule.folder), default=None)


def matches(name: str, patterns: Tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def check_quoted(root: str, rule: Rule, name: str) -> Optional[str]:
    if matches(name, rule.generated):
        return None
    if os.path.normpath(name) != name or name.startswith("/"):
        return f'"{name}" is not a plain path from the root of the tree'
    if not os.path.isfile(os.path.join(root, name)):
        return f'"{name}" is no file of this tree, seen from its root'
    if not any(is_under(name, prefix) for prefix in rule.may):
        return f"{rule.folder} may not include {name}"
    return None


def check_foreign(root: str, rule: Rule, name: str) -> Optional[str]:
    if name.split("/")[0] in FOLDERS and os.path.isfile(os.path.join(root, name)):
        return f"<{name}> is a file of this tree: write it in quotes"
    if matches(name, rule.never):
        return f"{rule.folder} may not include <{name}>"
    if rule.only is not None and not matches(name, rule.only):
        return f"{rule.folder} may not include <{name}>; it may include only: {', '.join(rule.only)}"
    return None


def check_includes(root: str, path: str, lines: List[str]) -> Iterator[Violation]:
    rule = rule_of(path)
    if rule is None:
        yield Violation(path, 1, "lies in a folder that tests/structure/include_directions.py "
                                 "does not know")
        return
    for number, line in enumerate(lines, start=1):
        include = INCLUDE.match(line)
        if not include:
            continue
        named = NAMED.match(include.group(1))
        if not named:
            what: Optional[str] = "an include whose name cannot be read without a preprocessor"
        elif named.group(1) is not None:
            what = check_quoted(root, rule, named.group(1))
        else:
            what = check_foreign(root, rule, named.group(2))
        if what:
            yield Violation(path, number, what)


def opening(path: str, lines: List[str]) -> Tuple[int, str, str]:
    """The line number and text of the SPDX line, and the prose that follows it."""
    first = 1 if lines and lines[0].startswith("#!") else 0
    spdx = lines[first] if len(lines) > first else ""
    rest = lines[first + 1:]
    prose = []
    if not path.endswith(SOURCES + (".sh",)):
        text = "\n".join(rest).lstrip()
        docstring = re.match(r'"""(.*?)"""', text, re.DOTALL)
        if docstring:
            return first + 1, spdx, docstring.group(1).strip()
    block = spdx.lstrip().startswith("/*")
    for line in rest:
        stripped = line.strip()
        if block:
            prose.append(stripped.split("*/")[0].lstrip("*").strip())
            if "*/" in stripped:
                break
        elif stripped.startswith(("//", "#")) and not stripped.startswith(("#include", "#pragma")):
            prose.append(stripped.lstrip("/#").strip())
        else:
            break
    return first + 1, spdx, " ".join(prose).strip()


def check_opening(path: str, lines: List[str]) -> Iterator[Violation]:
    number, spdx, prose = opening(path, lines)
    if "SPDX-License-Identifier: BSD-3-Clause" not in spdx:
        yield Violation(path, number, "does not open with an SPDX-License-Identifier line "
                                      "that says BSD-3-Clause")
    elif len(prose) < SHORTEST_PARAGRAPH:
        yield Violation(path, number, "has no opening paragraph that says what it is")


def check_anonymous(path: str, lines: List[str]) -> Iterator[Violation]:
    """What a file of the product keeps to itself stands together, in one anonymous namespace."""
    numbers = [number for number, line in enumerate(lines, 1) if line.rstrip() == "namespace {"]
    if not path.startswith(("tests/", "perf/")):
        for number in numbers[1:]:
            yield Violation(path, number, "has another anonymous namespace, besides that of "
                                          f"line {numbers[0]}")


def is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def source_files(root: str) -> Iterator[str]:
    for folder in FOLDERS:
        for directory, below, names in os.walk(os.path.join(root, folder)):
            below[:] = sorted(name for name in below
                              if name not in ("__pycache__", "corpus") and name[0] != ".")
            for name in sorted(names):
                path = os.path.join(directory, name)
                if name.endswith(SOURCES + SCRIPTS) or "." not in name and is_script(path):
                    yield os.path.relpath(path, root)


def check_tree(root: str) -> Tuple[int, List[Violation]]:
    """The number of files looked at, and what is wrong with them."""
    count = 0
    violations: List[Violation] = []
    for path in source_files(root):
        count += 1
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            violations.append(Violation(path, 1, f"cannot be read: {error}"))
            continue
        if lines:  # an empty file (a package's __init__.py) has nothing to say about itself
            violations.extend(check_opening(path, lines))
        if path.endswith(SOURCES):
            violations.extend(check_includes(root, path, lines))
            violations.extend(check_anonymous(path, lines))
    return count, sorted(violations)


def main(arguments: List[str]) -> int:
    if len(arguments) != 2 or not os.path.isdir(arguments[1]):
        print("usage: include_directions.py ROOT", file=sys.stderr)
        return 2
    count, violations = check_tree(arguments[1])
    for violation in violations:
        print(violation)
    print(f"{count} files, {len(violations)} violations")
    return 1 if violations or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
