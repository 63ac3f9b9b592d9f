# SPDX-License-Identifier: BSD-3-Clause
"""
Writes IPv4 routes to the kernel in batches by netlink, as a routing daemon in a hurry would. A program of its own, as it
runs in a router's namespace: routewriter.py FILE SECONDS [RATE]. Lines of FILE are "PREFIX GATEWAY" or "PREFIX
GATEWAY,GATEWAY": round after round all routes are written until SECONDS are over (0: one round), with one gateway after the
other; RATE routes a second, or as fast as the kernel takes them. It says
"ready" before the first, and after the last how many routes and seconds that were, as JSON. See rtnetlink(7).
"""
import json
import socket
import struct
import sys
import time

RTM_NEWROUTE = 24
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE, NLM_F_CREATE = 0x1, 0x4, 0x100, 0x400
NLMSG_ERROR = 2
RTA_DST, RTA_GATEWAY = 1, 5
RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST = 254, 4, 0, 1
BATCH_BYTES = 30000


def message(prefix, gateway):
    """RTM_NEWROUTE that makes or replaces an IPv4 route."""
    address, length = prefix.split("/")
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, int(length), 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE,
                       RTN_UNICAST, 0)
    for kind, value in ((RTA_DST, address), (RTA_GATEWAY, gateway)):
        body += struct.pack("=HH4s", 8, kind, socket.inet_aton(value))
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, 0, 0) + body


def batches(messages):
    """Joined to what one send takes; the last message of each asks for an answer."""
    out, batch = [], b""
    for m in messages:
        if len(batch) + len(m) > BATCH_BYTES:
            out.append(batch)
            batch = b""
        batch += m
    out.append(batch)
    return [with_ack(b) for b in out]


def with_ack(batch):
    """All messages are of one length: the flags of the last are at a known place."""
    length = struct.unpack_from("=I", batch)[0]
    at = len(batch) - length + 6
    flags = struct.unpack_from("=H", batch, at)[0] | NLM_F_ACK
    return batch[:at] + struct.pack("=H", flags) + batch[at + 2:]


def check(sock):
    """The answer to a batch: every error stands before the acknowledgement of the last message."""
    answer = sock.recv(65536)
    _, kind, _, _, _, error = struct.unpack_from("=IHHIIi", answer)
    if kind != NLMSG_ERROR or error != 0:
        raise OSError(-error, f"the kernel refuses a route: error {-error}")


def read_rounds(path):
    """@return lists of batches, one for each round until gateways repeat"""
    with open(path, encoding="ascii") as f:
        lines = [line.split() for line in f]
    routes = [(prefix, gateways.split(",")) for prefix, gateways in lines]
    n = max(len(gateways) for _, gateways in routes)
    return len(routes), [batches(message(p, g[r % len(g)]) for p, g in routes) for r in range(n)]


def main(path, seconds, rate=None):
    n_routes, rounds = read_rounds(path)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.bind((0, 0))
        print("ready", flush=True)
        start, n, written = time.monotonic(), 0, 0
        while n == 0 or time.monotonic() - start < seconds:
            batches_now = rounds[n % len(rounds)]
            for batch in batches_now:
                sock.send(batch)
                check(sock)
                written += n_routes / len(batches_now)
                if rate:
                    time.sleep(max(0.0, start + written / rate - time.monotonic()))
            n += 1
        print(json.dumps({"routes": n * n_routes, "seconds": time.monotonic() - start}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
