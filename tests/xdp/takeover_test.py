#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What postern-xdp was told outlives it: entries and limits, through kill -9, --keep, another size, and pins
that are no tables of ours. On real packets (veth_wire.py)."""

import collections
import contextlib
import signal
import socket
import threading
import time

import veth_wire
from veth_wire import COMPILE, DROPPED4, RESET4, SERVICE4, SERVICE6, UNLISTED4, UNLISTED6, connect, run

KEPT = "kept from before a restart"

LIMITED = """\
service mx 198.51.100.25/32 2001:db8:25::25/128 port 25
connection to mx
    limit any 2/hour burst 2 else drop
message
    accept any
"""


class Knocking(threading.Thread):
    """Attempts of one source, one every 3 ms; how many of them were answered with a connection."""

    def __init__(self, space, source):
        super().__init__(daemon=True)
        self.space, self.source = space, source
        self.attempts = self.connected = 0
        self.ending = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()

    def goes_on(self, attempts=100):
        """Returns when it has knocked so many times more."""
        enough, end = self.attempts + attempts, time.monotonic() + veth_wire.PATIENCE
        while self.attempts < enough:
            assert self.is_alive() and time.monotonic() < end, f"it knocked {self.attempts} times, not {enough}"
            time.sleep(0.01)

    def run(self):
        waiting = collections.deque()
        with self.space.entered():
            while not self.ending.wait(0.003):
                client = socket.socket(socket.AF_INET)
                client.setblocking(False)
                client.bind((self.source, 0))
                client.connect_ex((SERVICE4, 25))
                self.attempts += 1
                waiting.append(client)
                if len(waiting) > 30:
                    self.look(waiting.popleft())
            for client in waiting:
                self.look(client)

    def look(self, client):
        with client, contextlib.suppress(OSError):
            client.getpeername()
            self.connected += 1


class TakeoverTest(veth_wire.VethWire):
    def tell(self, engine, prefix, action="drop", seconds=600):
        """When it ends."""
        engine.api("POST", "/v1/entries", {"prefix": prefix, "action": action, "reason": "seen", "seconds": seconds})
        return time.monotonic() + seconds

    def entries(self, engine):
        return {one["prefix"]: one for one in engine.api("GET", "/v1/entries")["entries"]}

    def outlived(self, first, signal_given, *words):
        """Entries of `first` stop their sources from before its end to their own."""
        self.tell(first, f"{UNLISTED4}/32")
        ends = self.tell(first, "2001:db8:9::/64", "reset", 30)
        first.stop(signal_given)
        self.sees("silence", UNLISTED4)
        self.sees("refused", UNLISTED6, SERVICE6)
        with Knocking(self.wan, UNLISTED4) as knocking:
            second = self.engine("--snapshot", self.rules, *words, name="second").ready()
            knocking.goes_on()
        self.assertEqual(knocking.connected, 0)
        self.assertIn("takeover links=2", second.text())
        self.assertIn("adopted entries=2 lost=0 limits=kept", second.text())
        listed = self.entries(second)
        self.assertEqual({prefix: (one["action"], one["reason"]) for prefix, one in listed.items()},
                         {f"{UNLISTED4}/32": ("drop", KEPT), "2001:db8:9::/64": ("reset", KEPT)})
        self.assertLessEqual(listed[f"{UNLISTED4}/32"]["seconds"], 600)
        self.assertGreater(listed[f"{UNLISTED4}/32"]["seconds"], 500)
        self.sees("silence", UNLISTED4)
        self.assertGreater(second.reasons()["learned-drop"], 0)
        if time.monotonic() < ends - 3:  # else this machine is too slow to see it before its end
            self.sees("refused", UNLISTED6, SERVICE6)
        time.sleep(max(0, ends - time.monotonic()) + 0.1)
        self.sees("220", UNLISTED6, SERVICE6)
        self.assertEqual(set(self.entries(second)), {f"{UNLISTED4}/32"})
        second.api("DELETE", "/v1/entries", {"prefix": f"{UNLISTED4}/32"})
        self.sees("220", UNLISTED4)
        self.assertEqual(second.stop(), 0)

    def test_entries_stay_in_force_through_a_kill(self):
        self.outlived(self.engine().ready(), signal.SIGKILL)
        self.assertFalse(self.pin.exists())

    def test_entries_stay_in_force_through_an_end_with_keep(self):
        self.outlived(self.engine("--snapshot", self.rules, "--keep").ready(), signal.SIGTERM)
        self.assertFalse(self.pin.exists())

    def test_entries_go_with_an_end_without_keep(self):
        first = self.engine().ready()
        self.tell(first, f"{UNLISTED4}/32")
        self.assertEqual(first.stop(), 0)
        second = self.engine(name="second").ready()
        self.assertNotIn("adopted", second.text())
        self.assertEqual(self.entries(second), {})
        with Knocking(self.wan, UNLISTED4) as knocking:
            for _ in range(10 * veth_wire.PATIENCE):
                if knocking.connected:
                    break
                time.sleep(0.1)
        self.assertGreater(knocking.connected, 0)  # who is let in knocks with success

    def test_an_entry_ends_in_time_while_nobody_runs(self):
        first = self.engine().ready()
        ends = self.tell(first, f"{UNLISTED4}/32", seconds=20)
        first.stop(signal.SIGKILL)
        self.sees("silence", UNLISTED4)
        time.sleep(max(0, ends - time.monotonic()) + 0.1)
        self.sees("220", UNLISTED4)
        second = self.engine(name="second").ready()
        self.assertIn("adopted entries=0 lost=0", second.text())
        self.assertEqual(self.entries(second), {})

    def test_a_table_of_another_size_takes_what_it_has_room_for(self):
        first = self.engine("--snapshot", self.rules, "--dynamic-entries", "4096").ready()
        self.tell(first, f"{UNLISTED4}/32", seconds=900)
        for i in range(9):
            self.tell(first, f"192.0.2.{100 + i}/32", seconds=100 + i)
        first.stop(signal.SIGKILL)
        with Knocking(self.wan, UNLISTED4) as knocking:
            # For two, it has a bucket of eight.
            small = self.engine("--snapshot", self.rules, "--dynamic-entries", "2", name="small").ready()
            knocking.goes_on()
        self.assertEqual(knocking.connected, 0)
        self.assertRegex(small.text(), "warning adopted entries=8 lost=2 limits=kept")
        kept = {f"{UNLISTED4}/32", *(f"192.0.2.{100 + i}/32" for i in range(2, 9))}
        self.assertEqual(set(self.entries(small)), kept)
        self.sees("silence", UNLISTED4)
        small.stop(signal.SIGKILL)
        large = self.engine("--snapshot", self.rules, "--limit-sources", "100", name="large").ready()
        self.assertRegex(large.text(), "info adopted entries=8 lost=0 limits=anew")
        self.assertEqual(set(self.entries(large)), kept)
        self.sees("silence", UNLISTED4)

    def test_successors_that_die_on_their_way_lose_nothing(self):
        first = self.engine().ready()
        self.tell(first, f"{UNLISTED4}/32")
        first.stop(signal.SIGKILL)
        with Knocking(self.wan, UNLISTED4) as knocking:
            for step in range(1, 17):
                one = self.engine("--snapshot", self.rules, "--dynamic-entries", str(8 << step % 3), name="dying")
                time.sleep(0.05 * step)
                one.stop(signal.SIGKILL)
            last = self.engine(name="last").ready()
            knocking.goes_on()
        self.assertEqual(knocking.connected, 0)
        self.assertIn("adopted entries=1 lost=0", last.text())
        self.assertIn("takeover links=2", last.text())
        self.assertEqual(set(self.entries(last)), {f"{UNLISTED4}/32"})
        self.assertEqual(last.stop(), 0)
        self.assertFalse(self.pin.exists())

    def cannot_start(self, *words):
        status, text = self.refused("--topology", "wire", "--pin", self.pin, *words)
        self.assertEqual((status, len(text.strip().splitlines())), (1, 1), text)
        return text

    def killed_with_an_entry(self):
        first = self.engine().ready()
        self.tell(first, f"{UNLISTED4}/32")
        first.stop(signal.SIGKILL)

    def is_in_force(self):
        for source in (UNLISTED4, DROPPED4):
            self.sees("silence", source)
        self.sees("refused", RESET4)
        self.sees("220", UNLISTED6, SERVICE6)

    def is_taken_over(self, links=2):
        second = self.engine(name="second").ready()
        self.assertIn(f"takeover links={links}", second.text())
        self.assertIn("adopted entries=1 lost=0 limits=kept", second.text())
        self.assertEqual(second.stop(), 0)
        self.assertFalse(self.pin.exists())

    def test_successors_that_cannot_start_leave_in_force_what_was(self):
        """Without a snapshot, one that could would let everything pass."""
        self.box.run("ip", "link", "add", "postern-none", "type", "veth", "peer", "name", "postern-nobody")
        self.addCleanup(self.box.run, "ip", "link", "delete", "postern-none")
        self.box.run("ip", "link", "set", "dev", "postern-none", "xdpgeneric", "obj", veth_wire.PASS, "sec", "xdp")
        self.killed_with_an_entry()
        with Knocking(self.wan, UNLISTED4) as knocking:
            self.cannot_start("--wan", "postern-wan", "--mx", "lo")  # has no native XDP
            knocking.goes_on()
        self.assertEqual(knocking.connected, 0)
        for wan in ("postern-wan", "postern-mx"):  # the other way round, too
            self.cannot_start("--generic", "--wan", wan, "--mx", "postern-none")  # has another program already
            self.is_in_force()
        self.is_taken_over()

    def test_what_could_not_be_put_back_is_not_taken_away(self):
        """Without CAP_SYS_ADMIN nobody may have another's program."""
        self.killed_with_an_entry()
        done = self.box.run("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", veth_wire.POSTERN_XDP,
                            "--generic", "--wan", "postern-wan", "--mx", "postern-mx", "--pin", self.pin, check=False)
        self.assertEqual((done.returncode, len(done.stderr.strip().splitlines())), (1, 1), done.stderr)
        self.assertIn("CAP_SYS_ADMIN", done.stderr)
        self.is_in_force()
        self.is_taken_over()

    def test_who_cannot_pin_leaves_in_force_what_was(self):
        self.killed_with_an_entry()
        (self.pin / "rules").unlink()
        (self.pin / "rules").mkdir()  # which no pin replaces
        self.assertIn("cannot pin", self.cannot_start("--wan", "postern-wan", "--mx", "postern-mx"))
        self.is_in_force()
        (self.pin / "rules").rmdir()
        self.is_taken_over()

    def test_limits_remember_who_came(self):
        (self.folder / "limited").write_text(LIMITED)
        rules = self.folder / "limited.snapshot"
        run(COMPILE, self.folder / "limited", rules)
        first = self.engine("--snapshot", rules).ready()
        for _ in range(2):
            self.sees("220", UNLISTED4)
        self.sees("silence", UNLISTED4)
        first.stop(signal.SIGKILL)
        self.engine("--snapshot", rules, name="second").ready()
        self.sees("silence", UNLISTED4)
        self.sees("220", DROPPED4)

    def put_in_place(self, *made):
        """What `bpftool map create` makes, where an engine that was killed had its dynamic entries."""
        engine = self.engine(name="killed").ready()
        self.tell(engine, f"{UNLISTED4}/32")
        engine.stop(signal.SIGKILL)
        (self.pin / "dynamic").unlink()
        run("bpftool", "map", "create", self.pin / "dynamic", *made)

    def begins_anew(self, because):
        engine = self.engine(name="anew").ready()
        refusals = [line for line in engine.text().splitlines() if "not-adopted" in line]
        self.assertEqual(len(refusals), 1, engine.text())
        self.assertIn(f'warning not-adopted table=dynamic begins=anew because="{because}"', refusals[0])
        self.assertIn("adopted entries=0 lost=0 limits=kept", engine.text())
        self.assertEqual(self.entries(engine), {})
        self.sees("silence", DROPPED4)
        self.sees("220", UNLISTED4)
        self.tell(engine, f"{UNLISTED4}/32")
        self.sees("silence", UNLISTED4)
        # What it pinned instead is a table.
        engine.stop(signal.SIGKILL)
        after = self.engine(name="after").ready()
        self.assertIn("adopted entries=1 lost=0 limits=kept", after.text())
        self.assertEqual(after.stop(), 0)

    def test_a_foreign_map_is_not_adopted(self):
        self.put_in_place("type", "hash", "key", "4", "value", "8", "entries", "4", "name", "foreign")
        self.begins_anew("it is not a map of its kind")

    def test_a_table_without_our_header_is_not_adopted(self):
        mmapable = "0x400"
        self.put_in_place("type", "array", "key", "4", "value", "256", "entries", "9", "name", "dynamic", "flags", mmapable)
        self.begins_anew("it is damaged, or of another version's layout")

    def test_a_session_goes_on_through_another_size(self):
        first = self.engine().ready()
        with connect(self.wan, UNLISTED4, SERVICE4) as session:
            self.tell(first, f"{UNLISTED4}/32")
            first.stop(signal.SIGKILL)
            self.engine("--snapshot", self.rules, "--dynamic-entries", "8", name="second").ready()
            session.sendall(b"x")
            self.assertEqual(veth_wire.receive(session, 12), b"220 ready\r\nx")


if __name__ == "__main__":
    veth_wire.main()
