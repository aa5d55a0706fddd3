# SPDX-License-Identifier: BSD-3-Clause
"""Names of clients in postern-control as an operator runs it: a real name server (nsd), a table of
names, a rule that learns, and the real management API with an engine in memory. The client's address
is told by a PROXY header, as 127.0.0.1 has a name of its own in every resolver. Environment:
POSTERN_CONTROL, POSTERN_PROGRAM and ENGINE_HOST name the programs (meson.build sets them)."""

import json
import os
import signal
import socket
import subprocess

import pytest

from program_test import ENGINE_HOST, PATIENCE, Site, run
from tests.support.loopback import free_port, listens, listens_there, wait_until

ZONES = {
    "18.198.in-addr.arpa": ["7.0 PTR pool-7.isp.example.", "8.0 PTR mail.isp.example.",
                            "9.0 PTR pool-9.isp.example."],
    "isp.example": ["pool-7 A 198.18.0.7", "mail A 198.18.0.8", "pool-9 A 192.0.2.1"],
}


def start_name_server(site):
    if not os.access("/usr/sbin/nsd", os.X_OK):
        pytest.skip("nsd is not installed")
    base, port = site.folder / "nsd", free_port()
    base.mkdir()
    config = ["server:", f"  ip-address: 127.0.0.1@{port}", '  username: ""', '  chroot: ""', "  server-count: 1",
              f'  zonesdir: "{base}"', '  database: ""', f'  pidfile: "{base}/nsd.pid"', f'  xfrdfile: "{base}/xfrd.state"',
              f'  zonelistfile: "{base}/zone.list"', f'  xfrdir: "{base}"', "  rrl-ratelimit: 0", "remote-control:",
              "  control-enable: no"]
    for zone, records in ZONES.items():
        (base / zone).write_text("\n".join(
            [f"$ORIGIN {zone}.", "$TTL 60", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1",
             *records, ""]))
        config += ["zone:", f"  name: {zone}", f"  zonefile: {zone}"]
    (base / "nsd.conf").write_text("\n".join(config + [""]))
    site.running.append(subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", base / "nsd.conf"],
                                         stdout=(base / "log").open("wb"), stderr=subprocess.STDOUT))
    wait_until("the name server", lambda: listens(port))
    return port


@pytest.fixture(name="site")
def make_site(tmp_path):
    tmp_path.chmod(0o755)
    site = Site(tmp_path)
    (tmp_path / "site.pcre").write_text("# of our own\n/^pool-/ REJECT a pool\n")
    site.start_farm()
    site.dns_port = start_name_server(site)
    yield site
    site.end()


def start(site, rule, *more):
    site.compile(rule)
    site.start("--load-balancer", "127.0.0.1/32", "--resolver", f"127.0.0.1@{site.dns_port}", "--names",
               site.folder / "site.pcre", "--names-cache", site.folder / "names", "--names-contact",
               "https://names.farm.example/", *more)


def send(site, client):
    """A message, from that address: the first reply that is no success, or the last one."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as connection:
        stream = connection.makefile("rb")

        def reply():
            lines = []
            while not lines or lines[-1][3:4] == "-":
                lines.append(stream.readline().decode().rstrip())
            return " / ".join(lines)

        connection.sendall(f"PROXY TCP4 {client} 127.0.0.1 4711 25\r\n".encode())
        reply()
        for line in ["EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@farm.example>", "DATA",
                     "From: <a@b.example>\r\n\r\nHello.\r\n."]:
            connection.sendall(line.encode() + b"\r\n")
            answer = reply()
            if answer[0] not in "23":
                break
        return answer


def entries(path):
    done = subprocess.run(["curl", "-s", "--unix-socket", path, "http://engine/v1/entries"], capture_output=True,
                          text=True, timeout=PATIENCE, check=True)
    return json.loads(done.stdout)["entries"]


def test_a_dynamic_name_is_refused_learned_and_forgotten(site):
    path = site.folder / "engine.sock"
    site.running.append(subprocess.Popen([ENGINE_HOST, path]))
    wait_until("the engine", lambda: listens_there(path))
    start(site, "reject name = dynamic learn 5s", "--engine", path)
    assert send(site, "198.18.0.8").startswith("250 ")
    assert not entries(path)
    refused = send(site, "198.18.0.7")
    assert refused == ('550-5.7.1 refused by the rule "reject name = dynamic learn 5s", reverse name '
                       "pool-7.isp.example (dynamic, site.pcre:2), confirmed / "
                       "550 5.7.1 see https://names.farm.example/")
    wait_until("the entry", lambda: entries(path) or site.lines("learned"))
    learned, = site.lines("learned")
    assert "source=198.18.0.7/32" in learned and "pool-7.isp.example" in learned, learned
    assert "site.policy:6" in learned, learned
    wait_until("its end", lambda: not entries(path))
    session = next(l for l in site.lines("session") if "client=198.18.0.7" in l)
    assert "rdns=confirmed name=pool-7.isp.example name-class=dynamic helo-class=unknown" in session
    assert site.stop() == 0


def test_an_entry_is_there_for_its_time(site):
    path = site.folder / "engine.sock"
    site.running.append(subprocess.Popen([ENGINE_HOST, path]))
    wait_until("the engine", lambda: listens_there(path))
    start(site, "reject name = dynamic learn 24h", "--engine", path)
    # Nobody confirms it; what its owner says against it counts.
    assert "(dynamic, site.pcre:2), unconfirmed" in send(site, "198.18.0.9")
    wait_until("the entry", lambda: entries(path))
    entry, = entries(path)
    assert entry["prefix"] == "198.18.0.9/32" and entry["action"] == "drop"
    assert "site.policy:6" in entry["reason"] and "pool-9.isp.example" in entry["reason"]
    assert site.stop() == 0


def test_tables_are_read_again_on_sighup(site):
    start(site, "reject name = dynamic")
    assert send(site, "198.18.0.7").startswith("550")
    table = site.folder / "site.pcre"
    table.write_text("/^pool-( REJECT\n")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the refusal", lambda: "names state=refused" in site.log.read_text())
    assert "site.pcre:1:" in site.log.read_text()
    assert send(site, "198.18.0.7").startswith("550"), "the old table stays"
    table.write_text("/^other-/ REJECT\n")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the new table", lambda: site.log.read_text().count("names state=loaded") == 2)
    assert send(site, "198.18.0.7").startswith("250 ")
    assert any((site.folder / "names").iterdir()), "compiled tables are kept"
    assert site.stop() == 0


def test_a_table_with_a_mistake_is_told_at_the_start(site):
    (site.folder / "site.pcre").write_text("/x/ REJECT\nif /y/\n")
    done = run("--farm", "127.0.0.1:1", "--listen", f"127.0.0.1:{site.port}", "--snapshot", site.folder / "site.snap",
               "--names", site.folder / "site.pcre")
    assert done.returncode == 1
    assert "site.pcre:2:" in done.stderr


def test_rules_that_ask_for_a_class_want_a_table(site):
    site.compile("reject helo-name = dynamic")
    site.start()
    complaint, = site.lines("names")
    assert "no table is named" in complaint
    assert site.stop() == 0


def test_domains_that_do_not_answer_are_remembered_over_a_restart(site):
    kept = site.folder / "silent"
    words = ["--dns-silent", kept, "--reverse-time", "10s"]
    # Nobody has this zone, and nsd refuses to tell.
    start(site, "defer rdns = temperror", *words)
    assert " 4.4.3 see " in send(site, "198.51.7.7")
    assert send(site, "198.18.0.8").startswith("250 ")
    assert site.stop() == 0
    lines = kept.read_text().splitlines()
    assert lines[0].startswith("answered ")
    zone, since, last = next(l for l in lines if l.startswith("7.51.198.in-addr.arpa ")).split()
    # A day later.
    answered = int(lines[0].split()[1])
    kept.write_text(f"answered {answered}\n{zone} {answered - 86400} {last}\n")
    start(site, "defer rdns = temperror", *words)
    assert send(site, "198.51.7.7").startswith("250 "), since
    assert site.stop() == 0
