# SPDX-License-Identifier: BSD-3-Clause
"""Ports and sockets of this host, for tests that start servers: one that nobody takes meanwhile, whether somebody
listens there, and waiting for what is to come. A wait has no time by which it passes, only one that ends a hang."""

import contextlib
import random
import socket
import time

PATIENCE = 60  # seconds; only the end of a hang


def free_port(kind=socket.SOCK_STREAM):
    """Of those that the kernel gives to no client: nobody takes it until it is listened on."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def listens_there(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


def wait_until(what, true, seconds=PATIENCE, pause=0.02):
    """what: for people, or what says it when it has been too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited too long for {what() if callable(what) else what}"
        time.sleep(pause)
