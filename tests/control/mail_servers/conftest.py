# SPDX-License-Identifier: BSD-3-Clause
"""The mail server that POSTERN_MAIL_SERVER names, installed once for all tests of a run, and what stands
around it: taps where it sends and where it receives, a farm, and a front door that is opened by each test."""

import os
import pathlib
import tempfile

import pytest

from tests.control.mail_servers.front_door import FrontDoor
from tests.support.mail_servers import MAIL_SERVERS
from tests.support.smtp_wire import Farm, Tap


def this_one():
    return MAIL_SERVERS[os.environ["POSTERN_MAIL_SERVER"]]


def pytest_configure(config):
    config.addinivalue_line("markers", "only(holds): a test of servers for whose class that holds")


def pytest_collection_modifyitems(items, config):
    """What is no matter of this server is no test of it."""
    others = [item for item in items
              if not all(mark.args[0](this_one()) for mark in item.iter_markers("only"))]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def folder():
    """pytest's own is closed to other users, such as those of mail servers, whenever another pytest starts."""
    if os.getuid() != 0:
        pytest.skip("needs root, for a file system and users of the mail server's own")
    with tempfile.TemporaryDirectory(prefix="postern-mail-", ignore_cleanup_errors=True) as made:
        path = pathlib.Path(made)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def door(folder):
    (folder / "door").mkdir()
    return FrontDoor(folder / "door")


@pytest.fixture(scope="session")
def relay():
    """Where the mail server sends everything that is not for itself; the target is each test's."""
    tap = Tap()
    yield tap
    tap.stop()


@pytest.fixture(scope="session")
def server(folder, relay):
    shared = folder / "server"
    shared.mkdir()
    shared.chmod(0o755)
    with this_one()(shared, relay.port) as running:
        yield running


@pytest.fixture
def farm(server, relay, door):
    """What the server sends goes through the front door to this farm."""
    made = Farm()
    server.fresh()
    relay.target = door.port
    relay.sessions.clear()
    yield made
    relay.target = None
    relay.cut()
    made.stop()


@pytest.fixture
def backend(server):
    """What control sends goes through this tap to the server."""
    server.empty()
    tap = Tap(server.port)
    yield tap
    tap.stop()
