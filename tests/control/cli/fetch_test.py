# SPDX-License-Identifier: BSD-3-Clause
"""`postern fetch` against a real HTTPS server on 127.0.0.1, with a certificate authority of its own:
what is put in place, what is left alone, and what is said of it."""

import base64
import gzip
import hashlib
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import time

import pytest

from postern_program import BAD_INPUT, FINE, bad_input, postern, wrong_usage

FEED = "203.0.113.0/24\n198.51.100.0/24\n192.0.2.1\n"
STAMP = "Sun, 06 Nov 1994 08:49:37 GMT"
STAMP_SECONDS = 784111777


def without_numbers(text):
    """Some errors say how long something took."""
    return re.sub(r"[0-9]+", "N", text)


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                          **options).stdout


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        answer = self.server.answers.get(self.path)
        if answer is None:
            answer = {"status": 404, "body": "not here"}
        body = answer.get("body", "")
        body = body if isinstance(body, bytes) else body.encode()
        etag = answer.get("etag")
        status = answer.get("status", 200)
        if etag and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        self.send_response(status)
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) + answer.get("missing", 0)))
        self.end_headers()
        self.wfile.write(body)
        if answer.get("missing"):
            self.close_connection = True
        if answer.get("stall"):
            self.wfile.flush()
            self.server.stop_stalling.wait(60)

    def log_message(self, *_):
        pass


class Server:
    def __init__(self, folder):
        self.ca, key = folder / "ca.pem", folder / "key.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", self.ca, "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
        self.pin = "sha256//" + base64.b64encode(hashlib.sha256(public).digest()).decode()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.http.answers, self.http.asked = {}, []
        self.http.stop_stalling = threading.Event()
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    @property
    def answers(self):
        return self.http.answers

    @property
    def asked(self):
        return self.http.asked

    def url(self, path, host="localhost"):
        return f"https://{host}:{self.http.server_port}{path}"

    def close(self):
        self.http.stop_stalling.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture(name="server", scope="module")
def run_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


class Site:
    """One list whose feed is /feed.txt of the server."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.policy, self.file = folder / "site.policy", folder / "feed.txt"
        self.state = folder / "feed.txt.fetch"
        server.answers.clear()
        server.asked.clear()
        self.answer(body=FEED, etag='"one"')
        self.write_policy()

    def answer(self, path="/feed.txt", **answer):
        self.server.answers[path] = answer

    def write_policy(self, fetch="", details="", host="localhost"):
        self.policy.write_text(f'list feed "feed.txt" category spam {details}\n'
                               f'  fetch "{self.server.url("/feed.txt", host)}" {fetch}\n')

    def run(self, *more):
        return postern("fetch", "--policy", self.policy, "--ca", self.server.ca, *more)

    def fetch(self, *more):
        run = self.run("-j", *more)
        assert run.returncode == FINE, run.stderr
        fetched, = json.loads(run.stdout)["lists"]
        return fetched

    def refused(self, *more):
        """-> what is said, after making sure that nothing has changed."""
        before = {path.name: (path.read_bytes(), path.stat().st_mtime)
                  for path in self.folder.iterdir()}
        run = self.run(*more)
        assert run.returncode == BAD_INPUT, (run.stdout, run.stderr)
        assert len(run.stderr.splitlines()) == 1, run.stderr
        assert run.stderr.startswith(f"list feed: {self.server.url('/feed.txt')[:13]}")
        after = {path.name: (path.read_bytes(), path.stat().st_mtime)
                 for path in self.folder.iterdir()}
        assert after == before
        error = json.loads(self.run("-j", *more).stdout)["lists"][0]["error"]
        assert without_numbers(error) in without_numbers(run.stderr)
        return run.stderr


@pytest.fixture(name="site")
def make_site(tmp_path, server, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return Site(tmp_path, server)


def test_a_feed_is_put_in_place(site):
    site.answer(body=FEED, headers={"Last-Modified": STAMP})
    fetched = site.fetch()
    assert fetched == {"list": "feed", "file": str(site.file),
                       "url": site.server.url("/feed.txt"), "not_modified": False,
                       "bytes": len(FEED), "entries": 3, "modified": STAMP_SECONDS}
    assert site.file.read_text() == FEED
    assert site.file.stat().st_mtime == STAMP_SECONDS, "its age counts from Last-Modified"
    assert site.file.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in site.folder.iterdir()) == [
        "feed.txt", "feed.txt.fetch", "site.policy"]
    out = site.run().stdout
    assert "1994-11-06T08:49:37Z" in out


def test_without_last_modified_the_age_counts_from_now(site):
    began = int(time.time())
    assert began <= site.fetch()["modified"] <= time.time() + 1
    os.utime(site.file, (1, 1))
    assert site.fetch()["not_modified"]
    assert site.file.stat().st_mtime >= began, "the server still has the same"


def test_a_stamp_of_the_future_is_now(site):
    site.answer(body=FEED, headers={"Last-Modified": "Fri, 31 Dec 2100 23:59:59 GMT"})
    assert site.fetch()["modified"] <= time.time() + 1


def test_what_has_not_changed_is_not_transferred_again(site):
    site.answer(body=FEED, etag='"one"', headers={"Last-Modified": STAMP})
    site.fetch()
    before = site.file.stat()
    fetched = site.fetch()
    assert (fetched["not_modified"], fetched["bytes"]) == (True, 0)
    headers = site.server.asked[-1][1]
    assert (headers["If-None-Match"], headers["If-Modified-Since"]) == ('"one"', STAMP)
    after = site.file.stat()
    assert (after.st_ino, after.st_mtime) == (before.st_ino, before.st_mtime)
    assert "not modified" in site.run().stdout
    site.answer(body=FEED + "192.0.2.2\n", etag='"two"')
    assert site.fetch()["entries"] == 4


def test_a_file_that_somebody_changed_is_fetched_anew(site):
    site.fetch()
    site.file.write_text("192.0.2.77\n")
    assert not site.fetch()["not_modified"]
    assert site.file.read_text() == FEED
    site.state.write_text("{ not json")
    assert not site.fetch()["not_modified"]
    other = "sha256//" + base64.b64encode(b"x" * 32).decode()
    site.write_policy(fetch=f'pin "{other};{site.server.pin}"')
    assert not site.fetch()["not_modified"], "the policy asks for more than before"


def test_packed_feeds_are_read(site):
    site.answer(body=gzip.compress(FEED.encode()))
    assert site.fetch()["entries"] == 3


def test_redirects_stay_with_the_host(site):
    site.answer(status=302, headers={"Location": "/moved/feed.txt"})
    site.answer("/moved/feed.txt", body=FEED)
    assert site.fetch()["entries"] == 3
    for target in (site.server.url("/moved/feed.txt", "127.0.0.1"),
                   site.server.url("/moved/feed.txt").replace("https:", "http:"),
                   "https://localhost:1/feed.txt", "file:///etc/passwd"):
        site.answer(status=301, headers={"Location": target})
        assert "redirect" in site.refused()
    site.answer(status=302, headers={"Location": "/feed.txt"})
    site.server.asked.clear()
    assert "too many redirects" in site.refused()
    assert len(site.server.asked) == 2 * 6


@pytest.mark.parametrize("answer, said", [
    ({"status": 500, "body": "oops"}, "answers 500"),
    ({"status": 404, "body": FEED}, "answers 404"),
    ({"status": 204}, "answers 204"),
    ({"status": 304}, "answers 304"),
    ({"body": "<html><body>Too many requests</body></html>\n"}, "is HTML"),
    ({"body": ""}, "is empty"),
    ({"body": "nothing of use\nat all\n"}, "is of no format"),
    ({"body": "0.0.0.0/0\n"}, "everyone"),
    ({"body": FEED, "missing": 10}, "bytes remaining"),
    ({"body": gzip.compress(FEED.encode())[:-9]}, "what came is refused"),
])
def test_what_cannot_be_used_changes_nothing(site, answer, said):
    site.answer(**answer)
    assert said in site.refused()
    site.answer(body=FEED)
    site.fetch()
    site.answer(**answer)
    assert said in site.refused()


def test_guards_of_the_policy(site):
    site.write_policy(details="max-range /26 /48")
    assert "max-range" in site.refused()
    site.write_policy(details="max-change 50%")
    site.fetch()
    site.answer(body="192.0.2.1\n")
    assert "shrank from 3 to 1" in site.refused()


def test_size_is_bounded(site):
    site.write_policy(fetch=f"max-bytes {len(FEED)}")
    assert site.fetch()["bytes"] == len(FEED)
    site.answer(body=FEED + "\n")
    assert f"larger than {len(FEED)} bytes" in site.refused()


def test_checksums(site):
    site.write_policy(fetch=f'checksum "{site.server.url("/SHA256SUMS")}"')
    assert "/SHA256SUMS: the server answers 404" in site.refused()
    good = hashlib.sha256(FEED.encode()).hexdigest()
    site.answer("/SHA256SUMS", body=f"{'0' * 64}  other.txt\n{good}  feed.txt\n")
    site.fetch()
    site.answer(body=FEED + "192.0.2.2\n")
    assert "its SHA-256 is" in site.refused()


KEYS = {"ed25519": ["-algorithm", "ed25519"],
        "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}


@pytest.mark.parametrize("kind", KEYS)
def test_signatures(site, tmp_path_factory, kind):
    private = tmp_path_factory.mktemp("key") / "private.pem"
    openssl("genpkey", *KEYS[kind], "-out", private)
    (site.folder / "feed.pem").write_bytes(openssl("pkey", "-in", private, "-pubout"))

    def sign(text):
        feed = private.parent / "feed"
        feed.write_text(text)
        if kind == "ed25519":
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", feed)
        return openssl("dgst", "-sha256", "-sign", private, feed)

    site.write_policy(fetch=f'signature "{site.server.url("/feed.sig")}" key "feed.pem"')
    site.answer("/feed.sig", body=sign(FEED))
    site.fetch()
    site.answer(body=FEED + "192.0.2.2\n")
    assert "its signature is not of the key" in site.refused()
    site.answer("/feed.sig", body="not a signature")
    assert "its signature is not of the key" in site.refused()
    (site.folder / "feed.pem").unlink()
    assert "feed.pem" in site.refused()


def test_the_host_is_the_one_that_is_meant(site):
    site.write_policy(fetch=f'pin "{site.server.pin}"')
    site.fetch()
    site.write_policy(fetch='pin "sha256//' + base64.b64encode(b"x" * 32).decode() + '"')
    assert "public key" in site.refused()
    site.write_policy()
    run = postern("fetch", "--policy", site.policy)
    assert run.returncode == BAD_INPUT, "the system does not know its authority"
    assert "certificate" in run.stderr


def test_a_silent_server_is_not_waited_for(site):
    site.answer(body=FEED, missing=10, stall=True)
    assert "too slow" in site.refused("--stall", "1s")
    assert "timed out" in site.refused("--timeout", "2s")  # time enough for what comes before the silence


def test_a_server_that_is_not_there(site):
    site.policy.write_text('list feed "feed.txt"\n  fetch "https://localhost:1/feed.txt"\n')
    assert "connect" in site.refused()


def test_one_that_fails_does_not_keep_the_others(site):
    site.policy.write_text("".join(
        f'list {name} "{name}.txt"\n  fetch "{site.server.url(path)}"\n'
        for name, path in (("bad", "/absent.txt"), ("good", "/feed.txt"))))
    run = site.run("-j")
    assert run.returncode == BAD_INPUT
    bad, good = json.loads(run.stdout)["lists"]
    assert "answers 404" in bad["error"]
    assert good["entries"] == 3
    assert (site.folder / "good.txt").read_text() == FEED
    text = site.run().stdout
    assert "failed; the file stays as it is" in text
    assert site.run("good").returncode == FINE


def test_lists_are_named(site):
    site.policy.write_text(site.policy.read_text() + 'list local "local.txt"\n')
    assert site.fetch("feed")["entries"] == 3
    assert "no list 'absent'" in bad_input("fetch", "--policy", site.policy, "absent")
    assert "no `fetch`" in bad_input("fetch", "--policy", site.policy, "feed", "local")
    site.policy.write_text('list local "local.txt"\n')
    assert site.run().stdout == "no list has a `fetch` in the policy\n"


def test_wrong_usage():
    wrong_usage("fetch", "--stall", "soon")
    wrong_usage("fetch", "--timeout", "0")
