# SPDX-License-Identifier: BSD-3-Clause
"""DKIM signers and verifiers that are not ours, as functions: python3-dkim, and opendkim through its
test mode, which runs messages from files through the same code as its milter. Messages are bytes
with CRLF line ends."""

import base64
import io
import pathlib
import re
import subprocess

OPENDKIM = "/usr/sbin/opendkim"
DOMAIN, RSA, ED25519 = "example.org", "rsa", "ed"


class Keys:
    """One RSA and one Ed25519 key of DOMAIN, made anew in every run."""

    def __init__(self, folder: pathlib.Path):
        from nacl.signing import SigningKey
        self.files = {RSA: folder / "rsa.pem", ED25519: folder / "ed25519.pem"}
        for name, algorithm in ((RSA, ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"]),
                                (ED25519, ["ED25519"])):
            subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", *algorithm, "-out",
                            str(self.files[name])], check=True)
            self.files[name].chmod(0o600)
        rsa_der = self._der(RSA, "-pubout")
        # The last 32 octets of either encoding are the key itself (RFC 8410).
        seed, public = self._der(ED25519)[-32:], self._der(ED25519, "-pubout")[-32:]
        assert bytes(SigningKey(seed).verify_key) == public
        self.dkimpy = {RSA: self.files[RSA].read_bytes(), ED25519: base64.b64encode(seed)}
        self.records = {
            f"{RSA}._domainkey.{DOMAIN}":
                "v=DKIM1; k=rsa; p=" + base64.b64encode(rsa_der).decode(),
            f"{ED25519}._domainkey.{DOMAIN}":
                "v=DKIM1; k=ed25519; p=" + base64.b64encode(public).decode(),
        }

    def _der(self, name, *options):
        return subprocess.run(["openssl", "pkey", "-in", str(self.files[name]), *options,
                               "-outform", "DER"], check=True, capture_output=True).stdout


def signatures_in(message):
    header = message.split(b"\r\n\r\n", 1)[0]
    return len(re.findall(rb"(?:^|\r\n)dkim-signature[ \t]*:", header, re.IGNORECASE))


class Dkimpy:
    def __init__(self, keys):
        import dkim
        self.dkim, self.keys = dkim, keys

    def sign(self, message, key, canonicalization, fields=None, length=False):
        """The message with one more signature on top."""
        algorithm = b"rsa-sha256" if key == RSA else b"ed25519-sha256"
        signer = self.dkim.DKIM(message, signature_algorithm=algorithm)
        return signer.sign(key.encode(), DOMAIN.encode(), self.keys.dkimpy[key],
                           canonicalize=tuple(c.encode() for c in canonicalization),
                           include_headers=fields, length=length) + message

    def verify(self, message):
        """For each signature, topmost first: does it pass?"""
        def answer(name, timeout=5):
            return self.keys.records.get(name.decode().rstrip("."), "").encode() or None
        results = []
        for index in range(signatures_in(message)):
            try:
                results.append(bool(self.dkim.DKIM(message).verify(index, dnsfunc=answer)))
            except Exception:  # whatever a hostile message makes it raise, it did not pass
                results.append(False)
        return results


class Opendkim:
    """Takes many messages at once, as one process. Its test mode puts one blank behind the colon of
    each field, so where headers are signed as they are (c=simple) messages need to have it so."""

    def __init__(self, keys, folder: pathlib.Path):
        self.keys, self.folder = keys, folder / "opendkim"
        self.folder.mkdir()
        (self.folder / "keys").write_text(
            "".join(f"{name} {record}\n" for name, record in keys.records.items()))

    def _run(self, config, messages):
        """For each message what opendkim prints while it handles it."""
        (self.folder / "conf").write_text("Syslog no\n" + config)
        names = []
        for number, message in enumerate(messages):
            names.append(f"m{number}")
            (self.folder / names[-1]).write_bytes(message)
        parts = []
        while len(parts) < len(messages):
            # Unbuffered: what it prints of a message stands between its lines about that message.
            run = subprocess.run(["stdbuf", "-o0", OPENDKIM, "-x", "conf", "-v", "-v", "-t",
                                  ",".join(names[len(parts):])], cwd=self.folder,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            # It stops at a message that it does not want to see to its end; the next run goes on.
            more = re.split(rb"opendkim: m\d+: mlfi_envfrom\(\)", run.stdout)[1:]
            if not more:
                raise RuntimeError("opendkim: " + run.stdout.decode(errors="replace")[-2000:])
            parts += more
        return parts

    def verify(self, messages):
        """For each message, for each signature, topmost first: does it pass? Nothing for messages
        whose signatures it does not consider at all."""
        config = f"Mode v\nAuthservID peer.example\nTestPublicKeys {self.folder}/keys\n"
        results = []
        for part in self._run(config, messages):
            field = re.search(rb"hname='Authentication-Results' hvalue='peer\.example;(.*?)'\n",
                              part, re.DOTALL)
            results.append([word == b"pass"
                            for word in re.findall(rb"\bdkim=(\w+)", field.group(1))]
                           if field else [])
        return results

    def sign(self, messages, key, canonicalization):
        """Each message with one more signature on top."""
        config = (f"Mode s\nDomain {DOMAIN}\nSelector {key}\nRequireSafeKeys no\n"
                  f"KeyFile {self.keys.files[key]}\nCanonicalization {'/'.join(canonicalization)}\n"
                  f"SignatureAlgorithm {'rsa-sha256' if key == RSA else 'ed25519-sha256'}\n")
        signed = []
        for message, part in zip(messages, self._run(config, messages)):
            found = re.search(rb"hname='DKIM-Signature' hvalue='(.*?)'\n", part, re.DOTALL)
            if not found:
                raise RuntimeError("opendkim did not sign: " + part.decode(errors="replace"))
            value = found.group(1).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            separator = b"" if value.startswith(b" ") else b" "
            signed.append(b"DKIM-Signature:" + separator + value + b"\r\n" + message)
        return signed


class Ours:
    """Our verifier, through the batch program; `chunk` octets at a time."""

    def __init__(self, program, keys, folder: pathlib.Path):
        self.program, self.zone = program, folder / "zone"
        self.zone.write_text("".join(f'{name}. TXT "{record}"\n'
                                     for name, record in keys.records.items()))

    def verify(self, messages, now, chunk=0):
        """For each message the JSON of `postern verify -j`."""
        import json
        frames = io.BytesIO()
        for message in messages:
            frames.write(b"%d %d %d\n" % (now, chunk, len(message)) + message)
        run = subprocess.run([self.program, str(self.zone)], input=frames.getvalue(),
                             capture_output=True, check=True)
        results = [json.loads(line) for line in run.stdout.splitlines()]
        assert len(results) == len(messages)
        return results


def passes(result):
    """For each signature: do we let it pass?"""
    return [dkim["result"] == "pass" for dkim in result["dkim"]]


def verifies(result):
    """For each signature: is it right, whatever we think of it? Content behind the signed length is
    `policy` here and only there, and says so."""
    return [dkim["result"] == "pass" or dkim["reason"].endswith("(l=)")
            for dkim in result["dkim"]]
