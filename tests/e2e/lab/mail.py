# SPDX-License-Identifier: BSD-3-Clause
"""Keys, zone and messages of the lab's senders. The signers are not ours: python3-dkim here,
opendkim behind the Postfix of senders.py."""

import base64
import email.utils
import itertools
import pathlib
import subprocess

from tests.e2e.lab.namespaces import command


class Keys:
    """One RSA and one Ed25519 key, published by every sending domain of the lab."""

    RSA, ED25519 = "rsa", "ed"

    def __init__(self, folder: pathlib.Path):
        self.rsa_file, self.ed_file = folder / "rsa.pem", folder / "ed25519.key"
        command("openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                "-out", self.rsa_file)
        self.rsa_file.chmod(0o600)
        der = subprocess.run(["openssl", "pkey", "-in", str(self.rsa_file), "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.rsa_record = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
        from nacl.signing import SigningKey
        key = SigningKey.generate()
        self.ed_file.write_bytes(base64.b64encode(bytes(key)))
        self.ed_record = "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key)).decode()


def zone(domain, keys):
    """Master file of one sending domain: both keys, and no `missing._domainkey`."""

    def pieces(text):  # a TXT string holds at most 255 bytes
        return " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))

    return "\n".join([
        f"$ORIGIN {domain}.", "$TTL 60",
        f"@ SOA ns.{domain}. hostmaster.{domain}. 1 3600 600 86400 60",
        "@ NS ns", "ns A 127.0.0.1", "@ MX 10 mail", "mail A 203.0.113.1",
        f"{Keys.RSA}._domainkey TXT {pieces(keys.rsa_record)}",
        f"{Keys.ED25519}._domainkey TXT {pieces(keys.ed_record)}", ""])


def reverse_zone(names=None, of="in-addr.arpa"):
    """Master file of all reverse names. names: IPv4 address -> the name that it has; every other has none. Nobody keeps
    one for more than a second, as it is to change."""
    lines = [f"$ORIGIN {of}.", "$TTL 1", "@ SOA ns.isp.example. hostmaster.isp.example. 1 3600 600 86400 1",
             "@ NS ns.isp.example."]
    for address, name in (names or {}).items():
        lines.append(f"{'.'.join(reversed(address.split('.')))} PTR {name}.")
    return "\n".join(lines + [""])


def provider_zone(names):
    """Master file of isp.example: the names that it gives, and the addresses that they have."""
    return "\n".join(["$ORIGIN isp.example.", "$TTL 60", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1"]
                     + [f"{name}. A {address}" for name, address in names.items()] + [""])


_numbers = itertools.count(1)


def message(subject, domain, extra_headers=()):
    """A plain message, CRLF line ends. The subject is how the farm's copy is found again."""
    lines = [*extra_headers,
             f"From: Sender <sender@{domain}>", "To: someone@farm.example", f"Subject: {subject}",
             f"Date: {email.utils.formatdate()}",
             f"Message-ID: <{next(_numbers)}.{subject.replace(' ', '-')}@{domain}>",
             "", "Dear someone,", "", ".a line that begins with a dot", "and a last line.  ", ""]
    return "\r\n".join(lines).encode()


def sign_rsa(text, domain, keys, selector=Keys.RSA):
    """By python3-dkim. (opendkim signs what the lab's Postfix sends: see senders.py.)"""
    import dkim
    return dkim.sign(text, selector.encode(), domain.encode(), keys.rsa_file.read_bytes(),
                     signature_algorithm=b"rsa-sha256", canonicalize=(b"relaxed", b"relaxed")) + text


def sign_ed25519(text, domain, keys, selector=Keys.ED25519):
    """By python3-dkim."""
    import dkim
    return dkim.sign(text, selector.encode(), domain.encode(), keys.ed_file.read_bytes(),
                     signature_algorithm=b"ed25519-sha256", canonicalize=(b"relaxed", b"simple")) + text
