# SPDX-License-Identifier: BSD-3-Clause
"""`postern verify` on the examples that the standards print, and on the real messages of
POSTERN_DATA's conformance/mail-auth-dkim, with their keys in master files."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from postern_program import PROGRAM, bad_input, fine, fine_json, postern

# RFC 8463, appendix A: the message, and of its two keys the Ed25519 one. So the RSA signature is
# one whose key is not there.
MESSAGE = """\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
ZONE = """\
$ORIGIN football.example.com.
$TTL 3600
brisbane._domainkey  IN TXT  "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
"""
ED25519 = {"domain": "football.example.com", "selector": "brisbane", "algorithm": "ed25519-sha256",
           "key_bits": 256, "result": "pass", "reason": "", "body_hash_ok": True}


@pytest.fixture(name="zone")
def write_zone(tmp_path):
    (tmp_path / "zone").write_text(ZONE)
    return tmp_path / "zone"


@pytest.fixture(name="message")
def write_message(tmp_path):
    (tmp_path / "x.eml").write_text(MESSAGE)
    return tmp_path / "x.eml"


NSD = "/usr/sbin/nsd"


@pytest.fixture(name="name_server")
def run_name_server(tmp_path):
    """A real nsd on loopback that serves ZONE -> "127.0.0.1@PORT"."""
    if not os.path.exists(NSD):
        pytest.skip(f"{NSD} is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "nsd.zone").write_text(
        "@ 3600 IN SOA ns.football.example.com. root.football.example.com. 1 3600 600 86400 60\n"
        "@ 3600 IN NS ns.football.example.com.\n" + ZONE)
    (tmp_path / "nsd.conf").write_text(f"""
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  server-count: 1
  rrl-ratelimit: 0
  database: ""
  zonesdir: "{tmp_path}"
  pidfile: "{tmp_path}/pid"
  xfrdfile: "{tmp_path}/xfrd"
  xfrdir: "{tmp_path}"
  zonelistfile: "{tmp_path}/zonelist"
  logfile: "{tmp_path}/log"
remote-control:
  control-enable: no
zone:
  name: "football.example.com"
  zonefile: "nsd.zone"
""")
    with subprocess.Popen([NSD, "-d", "-c", tmp_path / "nsd.conf"]) as process:
        try:
            for _ in range(1200):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.05)
            else:
                pytest.fail("nsd did not come up")
            yield f"127.0.0.1@{port}"
        finally:
            for _ in range(60):  # one that comes while it starts may be missed
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                    break
            else:
                process.kill()


def test_keys_from_a_name_server(message, name_server):
    out = fine_json("verify", message, "--resolver", name_server)["dkim"]
    assert out[0] == ED25519
    assert out[1]["result"] == "permerror"


def test_contract_of_the_json(message, zone):
    out = fine_json("verify", message, "--dns", zone, "--time", "1528637909")
    assert list(out) == ["dkim", "spf", "dmarc"]
    assert out["dkim"][0] == ED25519
    other = out["dkim"][1]
    assert list(other) == list(ED25519)
    assert (other["selector"], other["algorithm"]) == ("test", "rsa-sha256")
    assert other["result"] == "permerror"
    assert other["reason"]
    assert other["body_hash_ok"] is True
    assert isinstance(out["spf"], list)
    assert list(out["dmarc"]) == ["result", "policy", "domain"]


def test_text(message, zone):
    lines = fine("verify", message, "--dns", zone).splitlines()
    assert lines[0].split()[:5] == ["dkim", "pass", "brisbane._domainkey.football.example.com",
                                    "ed25519-sha256,", "256"]
    assert lines[1].split()[:2] == ["dkim", "permerror"]


def test_line_ends_of_either_kind(message, zone, tmp_path):
    (tmp_path / "crlf.eml").write_bytes(MESSAGE.replace("\n", "\r\n").encode())
    assert (fine_json("verify", tmp_path / "crlf.eml", "--dns", zone) ==
            fine_json("verify", message, "--dns", zone))


def test_standard_input(zone):
    run = postern("verify", "-", "--dns", zone, "-j", stdin=MESSAGE)
    assert run.returncode == 0
    assert json.loads(run.stdout)["dkim"][0] == ED25519


def test_changed_body_fails(zone, tmp_path):
    (tmp_path / "x.eml").write_text(MESSAGE.replace("lost the game", "won the game"))
    out = fine_json("verify", tmp_path / "x.eml", "--dns", zone)["dkim"][0]
    assert (out["result"], out["body_hash_ok"]) == ("fail", False)
    assert out["reason"]


def test_changed_header_fails(zone, tmp_path):
    (tmp_path / "x.eml").write_text(MESSAGE.replace("Is dinner", "Is lunch"))
    out = fine_json("verify", tmp_path / "x.eml", "--dns", zone)["dkim"][0]
    assert (out["result"], out["body_hash_ok"]) == ("fail", True)


def test_unsigned_message(zone):
    run = postern("verify", "-", "--dns", zone, "-j", stdin="From: a@example.com\n\nHi.\n")
    assert run.returncode == 0
    assert json.loads(run.stdout)["dkim"] == []
    run = postern("verify", "-", "--dns", zone, stdin="From: a@example.com\n\nHi.\n")
    assert run.stdout.startswith("dkim")
    assert "not signed" in run.stdout


@pytest.mark.parametrize("when", ["1528637909", "2018-06-10T13:38:29Z", "2018-06-10 15:38:29+02:00"])
def test_times(message, zone, when):
    assert fine_json("verify", message, "--dns", zone, "--time", when)["dkim"][0] == ED25519


def test_envelope_is_taken(message, zone):
    out = fine_json("verify", message, "--dns", zone, "--ip", "2001:db8::25", "--helo",
                    "mx.example.com", "--from", "<joe@football.example.com>")
    assert out["dkim"][0] == ED25519


def test_control_characters_do_not_reach_the_terminal(zone):
    text = MESSAGE.replace("s=brisbane", "s=bris\x1b[2Jbane")
    run = postern("verify", "-", "--dns", zone, stdin=text)
    assert run.returncode == 0
    assert "\x1b" not in run.stdout
    json.loads(postern("verify", "-", "--dns", zone, "-j", stdin=text).stdout)


def test_bytes_that_are_no_utf8_still_make_json(zone):
    text = MESSAGE.encode().replace(b"s=brisbane", b"s=bris\xff\xfebane")
    run = subprocess.run([PROGRAM, "verify", "-", "--dns", zone, "-j"], input=text,
                         capture_output=True, check=False, timeout=120)
    assert run.returncode == 0
    json.loads(run.stdout.decode("utf-8"))


def test_bad_input(message, zone, tmp_path):
    assert "absent.eml" in bad_input("verify", tmp_path / "absent.eml", "--dns", zone)
    assert str(tmp_path) in bad_input("verify", tmp_path, "--dns", zone)
    assert "absent.zone" in bad_input("verify", message, "--dns", tmp_path / "absent.zone")
    (tmp_path / "empty.eml").write_text("")
    assert "is empty" in bad_input("verify", tmp_path / "empty.eml", "--dns", zone)
    zone.write_text("a IN TXT \"one\"\nb IN A 300.1.1.1\n")
    said = bad_input("verify", message, "--dns", zone)
    assert f"{zone}:2:" in said


def test_resolver_that_does_not_answer_is_a_temporary_error(message):
    # Port 1 of the loopback refuses at once.
    out = fine_json("verify", message, "--resolver", "127.0.0.1@1")
    assert {one["result"] for one in out["dkim"]} == {"temperror"}


def quoted(text):
    """A TXT record's strings, of at most 255 bytes each."""
    return " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))


def verified(folder, message, records, *more):
    """What verify -j says of `message` with {name: TXT} in a master file."""
    (folder / "zone").write_text("".join(f"{name}. 60 IN TXT {quoted(text)}\n" for name, text in records.items()))
    (folder / "x.eml").write_bytes(message)
    return fine_json("verify", folder / "x.eml", "--dns", folder / "zone", *more)


RFC6376 = b"""\
DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
"""
RFC6376_KEY = ("v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
               "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
               "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB")
RFC8463_RSA_KEY = ("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR"
                   "6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5Qj"
                   "vHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB")


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_the_example_of_rfc_6376(tmp_path, ends):
    message = RFC6376.replace(b"\n", ends)
    keys = {"brisbane._domainkey.example.com": RFC6376_KEY}
    assert verified(tmp_path, message, keys)["dkim"] == [
        {"domain": "example.com", "selector": "brisbane", "algorithm": "rsa-sha256", "key_bits": 1024,
         "result": "pass", "reason": "", "body_hash_ok": True}]
    changed = verified(tmp_path, message.replace(b"dinner", b"supper"), keys)["dkim"][0]
    assert (changed["result"], changed["body_hash_ok"]) == ("fail", True)


def test_both_signatures_of_rfc_8463(tmp_path):
    keys = {"brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            "test._domainkey.football.example.com": RFC8463_RSA_KEY}
    out = verified(tmp_path, MESSAGE.encode(), keys)
    assert [(one["algorithm"], one["key_bits"], one["result"]) for one in out["dkim"]] == [
        ("ed25519-sha256", 256, "pass"), ("rsa-sha256", 1024, "pass")]


# 005 is good until its x=; the others at any later time.
EXPIRY = 1667930064


@pytest.mark.parametrize("name, signatures", [
    ("001", ["football.example.com", "football.example.com"]), ("002", ["example.com"]), ("003", ["ietf.org"] * 2),
    ("004", ["facebookmail.com"]), ("005", ["topicbox.com"]), ("006", ["github.com"])])
def test_real_messages(tmp_path, name, signatures):
    data = os.environ.get("POSTERN_DATA")
    if not data:
        pytest.skip("POSTERN_DATA is not set")
    records, message = (pathlib.Path(data) / "conformance/mail-auth-dkim" / f"{name}.txt").read_bytes().split(b"\n\n", 1)
    keys = dict(line.split(" ", 1) for line in records.decode().splitlines())
    out = verified(tmp_path, message, keys, "--time", EXPIRY)["dkim"]
    assert [(one["domain"], one["result"], one["body_hash_ok"]) for one in out] == [(d, "pass", True) for d in signatures]
    later = verified(tmp_path, message, keys, "--time", EXPIRY + 1)["dkim"]
    assert [one["result"] for one in later] == ["policy" if name == "005" else "pass"] * len(signatures)
    altered = verified(tmp_path, message + b"one line more\n", keys, "--time", EXPIRY)["dkim"]
    assert [(one["result"], one["body_hash_ok"]) for one in altered] == [("fail", False)] * len(signatures)
