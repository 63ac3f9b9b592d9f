# SPDX-License-Identifier: BSD-3-Clause
"""Clients of a DPDK process's sockets: telemetry (any process), and the control socket (pdp-primary)."""
import json
import socket
import time

from . import Trouble

TIMEOUT_S = 15
RUNTIME = "/var/run/dpdk"


def _connect(kind, path, timeout_s, check):
    """Until somebody listens there."""
    deadline = time.monotonic() + timeout_s
    while True:
        s = socket.socket(socket.AF_UNIX, kind)
        s.settimeout(TIMEOUT_S)
        try:
            s.connect(path)
            return s
        except OSError as err:
            s.close()
            check()
            if time.monotonic() > deadline:
                raise Trouble(f"nobody listens on {path} after {timeout_s} s") from err
        time.sleep(0.02)


class Telemetry:
    """DPDK's telemetry of the process with a file prefix."""

    def __init__(self, prefix, check=lambda: None):
        self.sock = _connect(socket.SOCK_SEQPACKET, f"{RUNTIME}/{prefix}/dpdk_telemetry.v2", TIMEOUT_S, check)
        self.max_len = json.loads(self.sock.recv(4096))["max_output_len"]

    def ask(self, command):
        """@param command "/ethdev/stats,0". @return its result"""
        self.sock.send(command.encode())
        answer = json.loads(self.sock.recv(self.max_len))
        return answer[command.split(",", 1)[0]]

    def close(self):
        self.sock.close()


class PortCounters:
    """What all ports of a DPDK process together sent: the one counter that every party is measured by."""

    def __init__(self, prefix, check=lambda: None):
        self.telemetry = Telemetry(prefix, check)
        self.ports = self.telemetry.ask("/ethdev/list")

    def sent(self):
        """@return (time in s, packets that left by any port)"""
        before = time.monotonic()
        n = sum(self.telemetry.ask(f"/ethdev/stats,{p}")["opackets"] for p in self.ports)
        return (before + time.monotonic()) / 2, n

    def close(self):
        self.telemetry.close()


class Control:
    """The control socket of a pdp-primary (lib/control/pdp_control.h)."""

    def __init__(self, prefix, check=lambda: None):
        self.file = _connect(socket.SOCK_STREAM, f"{RUNTIME}/{prefix}/pdp.sock", TIMEOUT_S, check).makefile("rwb")
        self.check = check

    def _line(self, request):
        """@return the answer; b"" when the connection is closed"""
        try:
            self.file.write(request)
            self.file.flush()
            return self.file.readline()
        except TimeoutError as err:
            raise Trouble(f"the node does not answer within {TIMEOUT_S} s: {request.decode().strip()}") from err
        except OSError:
            return b""

    def ask(self, cmd, **args):
        line = self._line(json.dumps({"cmd": cmd, "args": args}).encode() + b"\n")
        if not line:
            time.sleep(0.5)  # a process that dies closes its sockets before it is gone
            self.check()
            raise Trouble(f"the node closed its control socket at '{cmd}'")
        answer = json.loads(line)
        if not answer["ok"]:
            raise Trouble(f"the node refused '{cmd}': {answer['error']}")
        return answer["result"]

    def close(self):
        self.file.close()


def table_rows(table):
    """The rows of a control socket's table, as dicts."""
    return [dict(zip(table["columns"], row)) for row in table["rows"]]
