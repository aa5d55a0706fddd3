# SPDX-License-Identifier: BSD-3-Clause
"""The site's own mail through postern-control as an operator runs it: keys by `postern keygen`, swaks
as the client, smtp-sink as the smarthost, `postern verify` and the same settings over a reload."""

import re
import signal
import socket
import subprocess

from program_test import PATIENCE, POSTERN, run, site  # noqa: F401
from tests.support.loopback import free_port, wait_until

SECRET = "0123456789abcdef0123"


def make_key(site, domain, selector, *more):
    """-> the record for a master file; the table gets a line."""
    made = subprocess.run([POSTERN, "keygen", domain, selector, *more], cwd=site.folder, check=True,
                          capture_output=True, text=True)
    with (site.folder / "keys").open("a") as table:
        table.write(f"{domain} {selector} {selector}._domainkey.{domain}.pem\n")
    return made.stdout


def start(site, *more):
    site.outbound_port = free_port()
    site.start("--outbound", f"127.0.0.1:{site.outbound_port}", "--outbound-from", "127.0.0.0/8",
               "--smarthost", f"127.0.0.1:{site.farm_port}", *more)
    assert f" outbound=127.0.0.1:{site.outbound_port}" in site.ready


def send(site, sender, *more):
    done = subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(site.outbound_port),
                           "--from", sender, "--to", "c@other.example", *more],
                          capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout


def talk(port, *lines):
    """-> the greeting, and what each line is answered."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        stream = client.makefile("rb")
        replies = [stream.readline().decode()]
        for line in lines:
            client.sendall(line.encode() + b"\r\n")
            replies.append(stream.readline().decode())
    return replies


def verified(site, records):
    """-> what `postern verify` says of each message that the smarthost took, as the sink wrote it."""
    (site.folder / "zone").write_text(records)
    results = []
    for text in site.mail():
        # Above the message smtp-sink writes a line for mbox, and the envelope as fields.
        text = re.sub(r"\AFrom .*\n(X-(Client|Helo|Mail|Rcpt)-\S+: .*\n)*", "", text)
        done = subprocess.run([POSTERN, "verify", "-", "--dns", site.folder / "zone"], input=text,
                              capture_output=True, text=True, check=True)
        results.append(sorted(re.findall(r"^dkim +(\w+) +(\S+)", done.stdout, re.MULTILINE)))
    return results


def test_mail_leaves_signed_and_keys_are_rotated(site):
    site.start_farm()
    records = make_key(site, "example.org", "one") + make_key(site, "example.org", "ed", "--type",
                                                              "ed25519")
    start(site, "--dkim-keys", site.folder / "keys")
    send(site, "a@example.org")
    send(site, "a@elsewhere.example", "--pipeline")
    # The next key: published, in the table, SIGHUP.
    (site.folder / "keys").write_text("")
    records += make_key(site, "example.org", "two")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the table", lambda: "dkim-keys state=loaded" in site.log.read_text())
    send(site, "a@example.org")
    # One that cannot be used changes nothing.
    (site.folder / "two._domainkey.example.org.pem").chmod(0o644)
    site.process.send_signal(signal.SIGHUP)
    wait_until("the refusal", lambda: "dkim-keys state=refused" in site.log.read_text())
    send(site, "a@example.org")
    wait_until("the mail", lambda: [bool(text) for text in site.mail()] == [True] * 4)
    assert sorted(verified(site, records)) == [
        [("none", "the")],
        [("pass", "ed._domainkey.example.org"), ("pass", "one._domainkey.example.org")],
        [("pass", "two._domainkey.example.org")], [("pass", "two._domainkey.example.org")]]
    assert site.stop() == 0
    lines = site.lines("outbound")
    assert len(lines) == 4
    for key in ("id", "client", "from", "author", "to", "size", "signed", "reason", "tls", "reply",
                "seconds"):
        assert all(re.search(rf" {key}=\S", line) for line in lines), key
    assert " signed=one._domainkey.example.org,ed._domainkey.example.org reason=- " in lines[0]
    assert ' signed=- reason="no key for elsewhere.example" ' in lines[1]
    assert not site.lines("message"), "nothing is judged"
    assert " signed=3 unsigned=1" in site.lines("signing")[-1]


def test_senders_are_tagged_and_reports_prove_it(site):
    site.start_farm()
    tags = site.folder / "batv"
    tags.write_text(f"key 1 {SECRET}\ncheck example.org\n")
    tags.chmod(0o600)
    start(site, "--batv", tags)
    send(site, "a@example.org")
    wait_until("the mail", lambda: any(site.mail()))
    tagged = re.search(r"^X-Mail-Args: <(prvs=1\d{3}[0-9a-f]{6}=a@example\.org)>", site.mail()[0],
                       re.MULTILINE).group(1)
    report = ["HELO client.example", "MAIL FROM:<>"]
    untagged = talk(site.port, *report, "RCPT TO:<a@example.org>")[-1]
    assert untagged.startswith("550 5.7.1 ") and "BATV" in untagged
    assert talk(site.port, *report, f"RCPT TO:<{tagged}>")[-1].startswith("250 ")
    # Another key: the old one goes on being good until its line is taken out.
    tags.write_text(f"key 2 another-{SECRET}\nkey 1 {SECRET}\ncheck example.org\n")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the tags", lambda: "batv state=loaded" in site.log.read_text())
    assert talk(site.port, *report, f"RCPT TO:<{tagged}>")[-1].startswith("250 ")
    tags.write_text(f"key 2 another-{SECRET}\ncheck example.org\n")
    site.process.send_signal(signal.SIGHUP)
    wait_until("the tags", lambda: site.log.read_text().count("batv state=loaded") == 2)
    assert talk(site.port, *report, f"RCPT TO:<{tagged}>")[-1].startswith("550 5.7.1 ")
    assert site.stop() == 0


def test_strangers_hear_554_and_reports_have_a_rate(site):
    site.outbound_port = free_port()
    site.start_farm()
    site.start("--outbound", f"127.0.0.1:{site.outbound_port}", "--outbound-from", "192.0.2.0/24",
               "--smarthost", f"127.0.0.1:{site.farm_port}", "--null-sender-domain-rate", "2/1h")
    assert talk(site.outbound_port)[0].startswith("554 5.7.1 ")
    assert " end=foreign" in site.lines("session")[0]
    report = ["HELO client.example", "MAIL FROM:<>"]
    heard = talk(site.port, *report, *["RCPT TO:<a@example.org>"] * 3)[-3:]
    assert [reply[:4] for reply in heard] == ["250 ", "250 ", "450 "]
    assert site.stop() == 0


def test_what_cannot_work_is_told(site):
    snapshot = site.folder / "site.snap"
    (site.folder / "keys").write_text("example.org s missing.pem\n")
    (site.folder / "batv").write_text(f"key 1 {SECRET}\n")
    (site.folder / "batv").chmod(0o644)
    words = ["--snapshot", snapshot, "--outbound", f"127.0.0.1:{site.port}", "--outbound-from",
             "127.0.0.0/8", "--smarthost", "127.0.0.1:1"]
    for more, named in ((["--dkim-keys", site.folder / "keys"], "keys:1:15: "),
                        (["--dkim-keys", site.folder / "none"], "none: cannot be read"),
                        (["--batv", site.folder / "batv"], "has mode 0644")):
        done = run(*map(str, words + more))
        assert done.returncode == 1, (more, done.stderr)
        assert named in done.stderr, done.stderr
    for wrong in (words[:4], words[:2] + words[-2:], words[:6], ["--snapshot", snapshot, "--farm", "127.0.0.1:1",
                                                                "--dkim-keys", "x"],
                  words + ["--outbound-from", "192.0.2.1/24"], words + ["--smarthost", "x,tls=perhaps"]):
        done = run(*map(str, wrong))
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (wrong, done.stderr)
