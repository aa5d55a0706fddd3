# SPDX-License-Identifier: BSD-3-Clause
"""`postern keygen` and `postern sign`, checked by `postern verify` and by openssl."""

import re
import stat
import subprocess

import pytest

from postern_program import bad_input, fine, fine_json, postern, wrong_usage

MESSAGE = "From: Joe <joe@example.org>\nTo: a@example.net\nSubject: x\n\ty\n\nHello.\n\n\n"


@pytest.fixture(name="folder")
def made_folder(tmp_path):
    (tmp_path / "m.eml").write_text(MESSAGE)
    return tmp_path


def write_key(path):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519", "-out", path], check=True)
    path.chmod(0o600)


def keygen(folder, *words):
    return fine("keygen", *words, cwd=folder)


def verify(folder, text, records):
    (folder / "zone").write_text(records)
    stdin = text if isinstance(text, bytes) else text.encode()
    done = postern("verify", "-", "--dns", folder / "zone", stdin=stdin)
    assert done.returncode == 0, done.stderr
    return re.findall(r"^dkim +(\w+)", done.stdout.decode(), re.MULTILINE)


@pytest.mark.parametrize("more, kind", [
    ([], "Private-Key: (2048 bit"), (["--bits", "1024"], "Private-Key: (1024 bit"),
    (["--bits", "4096"], "Private-Key: (4096 bit"), (["--type", "ed25519"], "ED25519 Private-Key:")])
def test_a_key_is_written_and_its_record_printed(folder, more, kind):
    record = keygen(folder, "example.org", "s1", *more)
    key = folder / "s1._domainkey.example.org.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    told = subprocess.run(["openssl", "pkey", "-in", key, "-noout", "-text"], capture_output=True,
                          text=True, check=True)
    assert told.stdout.startswith(kind), told.stdout
    assert "\ns1._domainkey.example.org. IN TXT (" in record
    strings = re.findall(r'"([^"]*)"', record)
    assert strings and all(0 < len(one) <= 255 for one in strings)
    assert "".join(strings).startswith("v=DKIM1; k=")
    signed = fine("sign", folder / "m.eml", "--key", key, "--selector", "s1")
    assert signed.endswith(MESSAGE)
    assert verify(folder, signed, record) == ["pass"]
    assert verify(folder, signed.replace("Hello", "Hallo"), record) == ["fail"]


def test_nothing_is_ever_overwritten(folder):
    keygen(folder, "example.org", "s1", "--type", "ed25519")
    key = folder / "s1._domainkey.example.org.pem"
    before = key.read_bytes()
    run = postern("keygen", "example.org", "s1", "--type", "ed25519", cwd=folder)
    assert run.returncode == 1 and "File exists" in run.stderr and not run.stdout
    assert key.read_bytes() == before
    (folder / "link").symlink_to(folder / "new")  # nor through a link
    run = postern("keygen", "example.org", "s1", "-o", folder / "link")
    assert run.returncode == 1 and not (folder / "new").exists()


def test_keys_of_unusual_size_are_warned_of(folder):
    run = postern("keygen", "example.org", "s1", "--bits", "1024", cwd=folder)
    assert run.returncode == 0 and "RFC 8301 advises 2048" in run.stderr
    assert "RFC 8301" in wrong_usage("keygen", "example.org", "s2", "--bits", "1023")
    assert not list(folder.glob("s2*"))


def test_a_table_signs_by_the_author(folder):
    records = keygen(folder, "example.org", "a") + keygen(folder, "example.org", "b", "--type",
                                                          "ed25519")
    table = folder / "keys"
    table.write_text("example.org a a._domainkey.example.org.pem c=simple/simple x=7d\n"
                     "example.org b b._domainkey.example.org.pem\n")
    signed = fine("sign", folder / "m.eml", "--keys", table)
    assert verify(folder, signed, records) == ["pass", "pass"]
    told = fine_json("sign", folder / "m.eml", "--keys", table)
    assert told["signed"] == ["a._domainkey.example.org", "b._domainkey.example.org"]
    assert told["author_domain"] == "example.org" and told["reason"] == ""
    assert told["fields"].count("DKIM-Signature: ") == 2
    (folder / "other.eml").write_text("From: a@other.example\n\nx\n")
    assert "no key for other.example" in bad_input("sign", folder / "other.eml", "--keys", table)


def test_the_message_comes_out_as_it_was(folder):
    record = keygen(folder, "example.org", "s", "--type", "ed25519")
    key = ["--key", folder / "s._domainkey.example.org.pem", "--selector", "s"]
    wire = MESSAGE.replace("\n", "\r\n").encode() + b"\xe4 8-bit and no final line end"
    done = postern("sign", "-", *key, stdin=wire)
    assert done.returncode == 0 and done.stdout.endswith(wire)
    assert b"\n" not in done.stdout.replace(b"\r\n", b"")
    assert verify(folder, done.stdout, record) == ["pass"]
    mbox = b"From joe@example.org Mon Nov 30 00:00:00 2026\n" + MESSAGE.encode()
    done = postern("sign", "-", *key, stdin=mbox)
    assert done.stdout.startswith(b"From joe@example.org Mon Nov 30 00:00:00 2026\nDKIM-Signature: ")
    assert b"\r" not in done.stdout
    assert verify(folder, done.stdout, record) == ["pass"]


def test_the_time_and_the_domain_are_settable(folder):
    keygen(folder, "example.org", "s", "--type", "ed25519")
    key = ["--key", folder / "s._domainkey.example.org.pem", "--selector", "s"]
    words = ["sign", folder / "m.eml", *key, "--time", "2026-02-28T09:00:00Z"]
    assert fine(*words) == fine(*words)
    assert " t=1772269200;" in fine(*words)
    assert " d=parent.example;" in fine(*words, "--domain", "parent.example")


def test_what_cannot_be_used_is_told(folder):
    keygen(folder, "example.org", "s", "--type", "ed25519")
    key = folder / "s._domainkey.example.org.pem"
    key.chmod(0o644)
    assert "has mode 0644" in bad_input("sign", folder / "m.eml", "--key", key, "--selector", "s")
    assert "cannot be read" in bad_input("sign", folder / "none.eml", "--keys", "none")
    (folder / "empty").write_text("")
    assert "is empty" in bad_input("sign", folder / "empty", "--keys", "none")
    (folder / "keys").write_text("nonsense\n")
    assert "keys:1:1: " in bad_input("sign", folder / "m.eml", "--keys", folder / "keys")
