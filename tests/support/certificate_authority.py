# SPDX-License-Identifier: BSD-3-Clause
"""Authority: one that signs certificates for a test, made by openssl."""

import subprocess


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


class Authority:
    """Signs certificates; NAME.pem and NAME.key in its folder."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.certificate = folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", self.certificate)

    def sign(self, name, subject, alternative=None):
        """-> the options of the command line that show it."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                "-keyout", key, "-out", request)
        words = []
        if alternative:
            extensions = self.folder / f"{name}.ext"
            extensions.write_text(f"subjectAltName={alternative}\n")
            words = ["-extfile", extensions]
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / f"{self.name}.key",
                "-CAcreateserial", "-days", "2", "-out", certificate, *words)
        return ["--cert", str(certificate), "--key", str(key), "--ca", str(self.certificate)]
