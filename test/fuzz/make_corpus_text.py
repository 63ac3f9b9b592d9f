#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the stored inputs of fuzz_config and fuzz_control into corpus/ beside this file."""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = [{"name": "p0"}, {"name": "p1", "mtu": 9000, "rx_queues": 2, "descriptors": 512, "promiscuous": False}]
TUNNEL = {"local": "192.0.2.1", "remote": "192.0.2.2", "remote_mac": "02:00:00:00:00:02"}
TUNNEL6 = {"local": "2001:db8::1", "remote": "2001:db8::2", "remote_mac": "02:00:00:00:00:02"}


def vr(*vifs, **more):
    named = [{"name": f"v{i}", "port": "p0", **vif} for i, vif in enumerate(vifs)]
    return {"name": "red", "plugin": "relay", "vifs": named, **more}


def node(*vrs, **more):
    return {"ports": PORTS, "vrs": list(vrs), **more}


CONFIGS = {
    "empty": {},
    "cpus": {"node": "lab1", "cpus": {"engines": [1, 3], "control": [0], "share_md": False}, "md": {"poll": "adaptive"},
             "pool": {"packets": 8192, "packet_size": 9022}},
    "share": node(vr({}), cpus={"engines": [0], "share_md": True}),
    "raw": node(vr({"source": ["10.0.0.0/8", "2001:db8::/32", "10.1.2.3"]}, {"port": "p1", "mtu": 1400}, {})),
    "ip": node(vr({"kind": "ip", "peer_mac": "02:00:00:00:00:01", "mac": "02:00:00:00:00:0a"})),
    "vlan": node(vr({"carrier": "vlan", "vlan": 100}, {"carrier": "vlan", "vlan": 4094, "mtu": 1500})),
    "udp": node(vr({"carrier": "udp", "udp_port": 4801, "kind": "ip", **TUNNEL},
                   {"carrier": "udp", "udp_port": 4802, "remote_udp_port": 9, "ttl": 1, "check_remote": False, **TUNNEL6})),
    "vxlan": node(vr({"carrier": "vxlan", "vni": 7, **TUNNEL}, {"carrier": "vxlan", "vni": 8, "udp_port": 4790, **TUNNEL6})),
    "weights": node(vr({}, engines=3, balance="weighted", weights=[1, 2, 1000], hash="symmetric", poll="busy", slots=2,
                       blank_slots=0, isolation="secondary", args={"spin_ns": 5, "deep": [[{"x": None}]]})),
    "load": node(vr({}, engines="1..4", policy="threshold", threshold_pps=60000, target_pct=100, power=150, exclusive=True,
                    cpus=[1]), cpus={"engines": [1, 2]}, monitor={"period_ms": 1000, "tau_ms": 250, "dwell_ms": 0,
                    "hysteresis_pct": 10, "dry_run": True}),
    "two": node(vr({"carrier": "vlan", "vlan": 1}), {**vr({"carrier": "vlan", "vlan": 2}), "name": "blue"}),
    "overlap": node(vr({"source": ["10.0.0.0/8"]}, {"source": ["10.0.0.0/8"]})),
    "sealed": node(vr({}, isolation="sealed")),
    "unknown": node(vr({"vlann": 5})),
}
TEXTS = {
    "comment": '{"node": "x", // why\n "md": {}}',
    "comma": '{"ports": [{"name": "p0"},\n]}',
    "twice": '{"vrs": [{"vifs": [{"mtu": 1,\n"mtu": 2}]}]}',
    "escaped": '{"n\\u006fde": "x", "\\u001b": 1}',
    "cut": '{"vrs": [{"name": "red',
    "deep": '{"vrs": ' + "[" * 100,
    "list": "[]",
}
REQUESTS = {
    "help": ['{"cmd": "help"}'],
    "echo": ['{"cmd": "echo", "args": {"vr": "red", "n": [1, 2.5, null, true]}}'],
    "pipeline": ['{"cmd": "echo"}', "", '{"cmd": "fail", "args": {"say": "no VR is called \u00e4\u00f6\u00fc\u20ac"}}\r',
                 '{"cmd": "help", "args": {}}'],
    "wrong": ["hello", "[]", "{}", '{"cmd": 5}', '{"cmd": "echo", "args": 5}', '{"cmd": "echo", "x": 1}', '{"cmd": "rm"}',
              '{"cmd": "echo", "cmd": "echo"}', '{"cmd": "echo", "args": {"x": "\\u0000"}}'],
    "deep": ['{"cmd": "echo", "args": {"x": ' + "[" * 40 + "]" * 40 + "}}"],
}


def write(folder, name, data):
    path = os.path.join(HERE, "corpus", folder)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), "wb") as f:
        f.write(data)


for key, value in CONFIGS.items():
    write("config", key, json.dumps(value, indent=1).encode())
for key, value in TEXTS.items():
    write("config", key, value.encode())
for key, value in REQUESTS.items():
    write("control", key, b"\0" + "\n".join(value).encode() + b"\n")
    write("control", key + "_cut", b"\1" + "\n".join(value).encode())
