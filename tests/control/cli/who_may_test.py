# SPDX-License-Identifier: BSD-3-Clause
"""Who may ask and who may change an engine: groups on the socket, certificates over TLS, and what the
audit log has of it. Against the real management API, with certificates that openssl makes here."""

import grp
import json
import os
import socket
import ssl
import subprocess

import pytest

from tests.support.certificate_authority import Authority
from postern_program import (BAD_INPUT, FINE, PROGRAM, EngineHost, bad_input, fine, fine_json,
                             postern, write_site, wrong_usage)
from tests.support.loopback import free_port

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else takes root")


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority(folder, "ca")
        self.server = self.authority.sign("engine", "/CN=engine", "IP:127.0.0.1,DNS:localhost")
        self.operator = self.authority.sign("operator", "/O=Mail/CN=control.example.net")
        self.by_san = self.authority.sign("san", "/CN=somebody", "DNS:ops.example.net,email:ops@example.net")
        self.reader = self.authority.sign("reader", "/CN=monitor.example.net")
        self.stranger = Authority(folder, "other").sign("stranger", "/CN=control.example.net")
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.audit = folder / "audit.jsonl"

    def words(self):
        certificate, key = self.server[1], self.server[3]
        return ["--api-listen", f"127.0.0.1:{self.port}", "--api-cert", certificate, "--api-key", key, "--api-ca",
                str(self.authority.certificate), "--api-operator", "control.example.net", "--api-operator",
                "ops@example.net", "--audit", str(self.audit)]

    def lines(self):
        return [json.loads(line) for line in self.audit.read_text().splitlines()]


@pytest.fixture(name="site", scope="module")
def make_site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("who"))
    for key in site.folder.glob("*.key"):
        key.chmod(0o600)
    with EngineHost(site.folder / "engine.sock", "--traffic", *site.words()) as host:
        site.host = host
        yield site


def test_an_operator_by_certificate_may_change(site):
    fine("entries", "add", "203.0.113.9", "-e", site.url, *site.operator)
    listed = fine_json("entries", "-e", site.url, *site.operator)["engines"][0]
    assert (listed["socket"], [one["prefix"] for one in listed["entries"]]) == (site.url, ["203.0.113.9/32"])
    line = site.lines()[-1]
    assert (line["event"], line["what"], line["before"]) == ("change", "entry-add", None)
    assert line["who"]["certificate"] == "CN=control.example.net,O=Mail"
    assert line["who"]["names"] == ["control.example.net"]
    assert line["who"]["address"].startswith("127.0.0.1:")
    fine("entries", "remove", "203.0.113.9", "-e", site.url, *site.operator)
    assert site.lines()[-1]["what"] == "entry-remove"


def test_an_alternative_name_counts(site):
    fine("entries", "add", "203.0.113.10", "-e", site.url, *site.by_san)
    assert site.lines()[-1]["who"]["names"] == ["somebody", "ops.example.net", "ops@example.net"]


def test_a_reader_by_certificate_sees_and_changes_nothing(site):
    assert "received" in fine("stats", "-e", site.url, *site.reader)
    assert len(fine("drops", "-e", site.url, "-n", "3", "--fate", "all", *site.reader).splitlines()) == 3
    before = fine_json("entries", "-e", site.url, *site.reader)
    said = bad_input("entries", "add", "203.0.113.11", "-e", site.url, *site.reader)
    assert "only operators may change what this engine does; CN=monitor.example.net (127.0.0.1:" in said
    assert len(said.splitlines()) == 1
    after = fine_json("entries", "-e", site.url, *site.reader)
    assert [one["prefix"] for one in after["engines"][0]["entries"]] == [
        one["prefix"] for one in before["engines"][0]["entries"]]
    assert (site.lines()[-1]["event"], site.lines()[-1]["role"]) == ("refused", "reader")
    out = site.folder / "whole.pcapng"
    assert "more of a packet than its headers" in bad_input("capture", "-w", out, "--whole", "-n", "1", "-e", site.url,
                                                            *site.reader)
    fine("capture", "-w", out, "-n", "1", "--fate", "all", "-e", site.url, *site.reader)


def test_rules_are_applied_over_tls(site, tmp_path):
    policy = write_site(tmp_path)
    out = fine_json("apply", "-p", policy, "-o", tmp_path / "snapshot", "-e", site.url, *site.operator)
    assert out["engines"][0]["loaded"] is True
    line = site.lines()[-1]
    assert line["what"] == "snapshot-load"
    assert line["after"]["generation"] == out["generation"] != line["before"]["generation"]
    assert "by the rules in force" in fine("explain", "203.0.113.7", "-e", site.url, *site.operator)


def test_who_has_another_authority_is_not_heard(site):
    own = site.stranger[:4] + ["--ca", str(site.authority.certificate)]
    assert site.url in bad_input("stats", "-e", site.url, *own)
    # And an engine whose authority is another one is not spoken to.
    assert "certificate verify failed" in bad_input("stats", "-e", site.url, *site.stranger)


def test_without_a_certificate_nothing_is_said(site):
    context = ssl.create_default_context(cafile=site.authority.certificate)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
                client.sendall(b"GET /v1/health HTTP/1.1\r\nHost: e\r\n\r\n")
                assert client.recv(100) == b"", "an answer without a certificate"
                raise ConnectionError("closed")


def test_the_name_of_the_engine_is_checked(site):
    assert fine("stats", "-e", f"https://localhost:{site.port}", *site.operator)
    folder = site.folder / "misnamed"
    folder.mkdir()
    words = site.authority.sign("misnamed-engine", "/CN=x", "DNS:elsewhere.example")
    port = free_port()
    with EngineHost(folder / "engine.sock", "--api-listen", f"127.0.0.1:{port}", "--api-cert", words[1], "--api-key",
                    words[3], "--api-ca", words[5]):
        assert "certificate verify failed" in bad_input("stats", "-e", f"https://127.0.0.1:{port}", *site.operator)


def test_clients_that_never_shake_hands_keep_nobody_out(site):
    idle = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(40)]
    try:
        assert "received" in fine("stats", "-e", site.url, *site.reader)
    finally:
        for one in idle:
            one.close()


def test_the_socket_is_still_there(site):
    assert fine("stats", "-e", site.host.socket)
    fine("entries", "add", "203.0.113.12", "-e", site.host.socket)
    who = site.lines()[-1]["who"]
    assert (who["uid"], who["gid"]) == (os.geteuid(), os.getegid())
    assert who["pid"] > 1


@needs_root
def test_groups_on_the_socket(tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_mode & 0o005 != 0o005 and str(parent).startswith("/tmp/pytest"):
            parent.chmod(parent.stat().st_mode | 0o055)
    group = grp.getgrgid(1).gr_name
    with EngineHost(tmp_path / "engine.sock", "--operators", group, "--readers", "4243") as host:
        def as_user(groups, *words):
            return subprocess.run(["setpriv", "--reuid=1234", f"--regid={groups[0]}",
                                   f"--groups={','.join(map(str, groups))}", PROGRAM, *words, "-e", host.socket],
                                  capture_output=True, text=True, timeout=60, check=False)
        assert as_user([1], "entries", "add", "203.0.113.7").returncode == FINE
        assert as_user([99, 4243], "stats").returncode == FINE
        run = as_user([99, 4243], "entries", "remove", "203.0.113.7")
        assert run.returncode == BAD_INPUT
        assert "only operators may change what this engine does; uid 1234 (pid " in run.stderr
        assert "is a reader" in run.stderr
        run = as_user([99], "stats")
        assert run.returncode == BAD_INPUT
        assert "only operators and readers of this engine may ask it anything" in run.stderr
        assert fine("stats", "-e", host.socket)


@pytest.mark.parametrize("words, said", [
    (["--operators", "no-such-group"], "there is no group 'no-such-group'"),
    (["--audit", "/nonexistent/audit"], "the audit log /nonexistent/audit cannot be written"),
    (["--api-listen", "127.0.0.1:1"], "--api-listen needs --api-cert, --api-key and --api-ca"),
    (["--api-operator", "x"], "are for --api-listen, which is missing"),
])
def test_an_engine_that_cannot_keep_watch_does_not_start(tmp_path, words, said):
    with pytest.raises(RuntimeError, match=said):
        with EngineHost(tmp_path / "engine.sock", *words):
            pass


def test_bad_files_and_addresses_are_told(site, tmp_path):
    def refused(**changed):
        words = dict(zip(*[iter(site.words()[:8])] * 2))
        words.update({f"--api-{name}": str(value) for name, value in changed.items()})
        with pytest.raises(RuntimeError) as told:
            with EngineHost(tmp_path / "engine.sock", *[word for pair in words.items() for word in pair]):
                pass
        assert len(str(told.value).strip().splitlines()) == 1, told.value
        return str(told.value)

    junk = tmp_path / "junk"
    junk.write_text("no certificate\n")
    assert "is not ADDRESS:PORT" in refused(listen="localhost")
    assert "--api-listen 127.0.0.1:" in refused(listen=f"127.0.0.1:{site.port}")
    assert f"--api-cert {junk}" in refused(cert=junk, listen="127.0.0.1:0")
    assert f"--api-ca {junk}" in refused(ca=junk, listen="127.0.0.1:0")
    assert f"--api-key {site.operator[3]}: " in refused(key=site.operator[3], listen="127.0.0.1:0")
    open_key = tmp_path / "open.key"
    open_key.write_bytes(open(site.server[3], "rb").read())
    open_key.chmod(0o644)
    assert "everybody may read it" in refused(key=open_key, listen="127.0.0.1:0")


def test_what_the_command_line_is_given_is_told(site, tmp_path):
    assert "needs --cert, --key and --ca" in wrong_usage("stats", "-e", site.url)
    missing = ["--cert", str(tmp_path / "none"), *site.reader[2:]]
    assert f"the certificate {tmp_path}/none cannot be used" in bad_input("stats", "-e", site.url, *missing)
    assert "is not https://HOST:PORT" in bad_input("stats", "-e", "https://127.0.0.1", *site.reader)


def test_an_audit_log_that_is_full_stops_all_changes(tmp_path):
    with EngineHost(tmp_path / "engine.sock", "--audit", "/dev/full") as host:
        said = bad_input("entries", "add", "203.0.113.7", "-e", host.socket)
        assert "nothing is changed, as the audit log /dev/full cannot be written" in said
        assert fine_json("entries", "-e", host.socket)["engines"][0]["entries"] == []


def test_samples_over_a_slow_link_do_not_stop_others(site):
    """One who asks for samples and does not read the answer holds up nobody."""
    stuck = socket.socket(socket.AF_UNIX)
    with stuck:
        stuck.connect(site.host.socket)
        for _ in range(200):
            stuck.setblocking(False)
            try:
                stuck.send(b"GET /v1/samples?after=1&fate=all HTTP/1.1\r\nHost: e\r\n\r\n")
            except BlockingIOError:
                break
        # Which waits for five seconds, and one who does not read is cut off after thirty.
        assert postern("stats", "-e", site.host.socket).returncode == FINE
