# SPDX-License-Identifier: BSD-3-Clause
"""Raw frames at the outer end of a cable: sent as they are, and received as they are on the wire."""

import contextlib
import ctypes
import os
import socket
import struct
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PACKET_AUXDATA = 8
_SOL_PACKET = 263
_VLAN_VALID, _VLAN_TPID_VALID = 0x10, 0x40
_OUTGOING = 4
_SO_RCVBUFFORCE = 33


@contextlib.contextmanager
def entered(space):
    """This thread inside a namespace; a socket made here stays there."""
    with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{space.name}") as inside:
        if _libc.setns(inside.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if _libc.setns(outside.fileno(), 0) != 0:
                os.abort()  # everything after it would be done in the wrong place


class FrameEnd:
    """A packet socket on a device. Frames that the host itself sends there are left out."""

    def __init__(self, space, device):
        with entered(space):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
            self.socket.bind((device, 0))
            # Also what is for other MAC addresses: PACKET_MR_PROMISC.
            number = socket.if_nametoindex(device)
            self.socket.setsockopt(_SOL_PACKET, 1, struct.pack("iHH8s", number, 1, 0, b""))

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, seconds):
        """The next frame; None when none comes in time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, extra, _, sender = self.socket.recvmsg(1 << 17, 256)
            except TimeoutError:
                return None
            if sender[2] == _OUTGOING:
                continue
            for level, kind, value in extra:  # the kernel takes tags out: here they come back
                if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
                    status, _, _, _, _, control, protocol = struct.unpack("=IIIHHHH", value[:20])
                    if status & _VLAN_VALID:
                        kind = protocol if status & _VLAN_TPID_VALID else 0x8100
                        data = data[:12] + struct.pack("!HH", kind, control) + data[12:]
            return data
        return None

    def collect(self, count, seconds, wanted=lambda frame: True):
        """Up to so many frames that are wanted, in the order of their arrival."""
        found, end = [], time.monotonic() + seconds
        while len(found) < count and (frame := self.receive(end - time.monotonic())) is not None:
            if wanted(frame):
                found.append(frame)
        return found

    def close(self):
        self.socket.close()
