#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Raw frames for the functional tests.

usage: frames.py send INTERFACE VLAN SIZE...           one frame of each size, with that tag (0: none)
       frames.py receive INTERFACE VLAN SECONDS SIZE... wait for these sizes with that tag, and check their bytes

Sizes are of the frame without its tag. A frame is 02:..:02 to 02:..:01, type 0x88b5 (local experiments), its size in
two bytes, then a pattern. receive exits 1 and says what is missing, wrong, or has another tag.
"""
import socket
import struct
import sys
import time

ETH_P_ALL = 3
TYPE = 0x88B5
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 0x10


def payload(size):
    """What follows the addresses of a frame of that size (14 bytes of header included)."""
    body = struct.pack("!HH", TYPE, size)
    return body + bytes((size * 7 + i) & 0xFF for i in range(size - 12 - len(body)))


def send(interface, vlan, sizes):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    for size in sizes:
        sock.send(bytes.fromhex("020000000001020000000002") + tag + payload(size))


def next_frame(sock, deadline):
    """(tag, bytes after the addresses), the tag whether the kernel took it off or not."""
    sock.settimeout(max(deadline - time.monotonic(), 0.001))
    data, ancillary, _, _ = sock.recvmsg(65536, 256)
    tag = 0
    for level, kind, aux in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", aux[:20])
            tag = tci if status & TP_STATUS_VLAN_VALID else 0
    rest = data[12:]
    if rest[:2] == b"\x81\x00":
        tag, rest = struct.unpack("!H", rest[2:4])[0], rest[4:]
    return tag, rest


def receive(interface, vlan, seconds, sizes):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((interface, 0))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    print("ready", flush=True)
    deadline = time.monotonic() + seconds
    missing = set(sizes)
    while missing:
        try:
            tag, rest = next_frame(sock, deadline)
        except (TimeoutError, BlockingIOError):
            sys.exit(f"frames: not received with tag {vlan}: {sorted(missing)}")
        if len(rest) < 4 or struct.unpack("!H", rest[:2])[0] != TYPE:
            continue
        size = struct.unpack("!H", rest[2:4])[0]
        wanted = payload(size)
        if tag != vlan or rest[:len(wanted)] != wanted:
            sys.exit(f"frames: size {size} arrives with tag {tag} and {len(rest) + 12} bytes, or its bytes are wrong")
        missing.discard(size)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    interface, vlan = sys.argv[2], int(sys.argv[3])
    if sys.argv[1] == "send":
        send(interface, vlan, [int(a) for a in sys.argv[4:]])
    else:
        receive(interface, vlan, float(sys.argv[4]), [int(a) for a in sys.argv[5:]])


if __name__ == "__main__":
    main()
