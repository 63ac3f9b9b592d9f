# SPDX-License-Identifier: BSD-3-Clause
"""
Marked packets through a router: which next hop did each of them get? Two programs, in the hosts' namespaces.

  probes.py send N PPS SECONDS   UDP to an address in each of the N prefixes /24 from 20.0.0.0 on, in random order
  probes.py watch LINK           what arrives on LINK, whatever its MAC address, until SIGTERM; then says, as JSON,
                                 {"sent to this MAC": {"in a prefix of this remainder": packets}}

Prefix number i has the remainder i % KINDS, and each next hop a MAC address of its own, so that a packet tells who
forwarded it by which route. N is no multiple of what would make one address come twice; nothing answers.
"""
import ctypes
import json
import random
import signal
import socket
import struct
import sys
import time

PORT = 7777
KINDS = 2
FIRST = 20 << 24
ETH_P_IP = 0x0800
SO_ATTACH_FILTER = 26
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, SOL_PACKET = 1, 1, 263
# Of classic BPF: UDP that goes to PORT, frames with an IPv4 header of 20 bytes.
FILTER = [(0x30, 0, 0, 23), (0x15, 0, 3, 17), (0x28, 0, 0, 36), (0x15, 0, 1, PORT), (0x06, 0, 0, 65535), (0x06, 0, 0, 0)]


def address(number, host=9):
    """One in prefix number."""
    return socket.inet_ntoa(struct.pack("!I", FIRST + number * 256 + host))


def send(n, pps, seconds):
    rng = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        start, sent = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            due = int((time.monotonic() - start) * pps)
            while sent < due:
                # Number 0 is somebody else's.
                sock.sendto(b"probe", (address(rng.randrange(1, n)), PORT))
                sent += 1
            time.sleep(0.001)
    print(json.dumps({"sent": sent}), flush=True)


def open_link(link):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    code = (ctypes.c_char * (8 * len(FILTER))).from_buffer_copy(b"".join(struct.pack("=HBBI", *op) for op in FILTER))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(FILTER), ctypes.addressof(code)))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.bind((link, ETH_P_IP))
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    struct.pack("iHH8s", socket.if_nametoindex(link), PACKET_MR_PROMISC, 0, b""))
    return sock


def watch(link):
    def stop(*_):
        raise SystemExit

    seen = {}
    sock = open_link(link)
    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    try:
        while True:
            frame = sock.recv(2048)
            number = (struct.unpack_from("!I", frame, 30)[0] - FIRST) // 256
            key = frame[0:6].hex(":"), number % KINDS
            seen[key] = seen.get(key, 0) + 1
    except SystemExit:
        found = {}
        for (mac, kind), n in seen.items():
            found.setdefault(mac, {})[kind] = n
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        watch(sys.argv[2])
