#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sealed engines do what secondary ones do, byte by byte, on every kind of vif and through every window; also when they
make, copy and hold packets, talk, die and are replaced, and in a node without hugepages."""
import os
import signal
import struct

from harness import Node, check, ports, relay, rows, wait_for

MACS = bytes.fromhex("020000000001" "020000000002")
DEAD = {"engine_died", "no_engine", "engine_full"}  # why packets of an engine that dies are dropped
REMOTE_MAC = "02:00:00:00:00:09"
PORTS = ["net_pcap0", "net_pcap1"]
FRAMES = 240


def inet_sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(src, dst, payload, tos=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), 0, 0x4000, 64, 17, 0, bytes(src), bytes(dst))
    return head[:10] + struct.pack("!H", inet_sum(head)) + head[12:] + payload


def udp(sport, dport, payload):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def packet(i, size):
    """IP packet number i of that size, every byte of it its own."""
    return ip4((10, 1, i >> 8, i & 255), (10, 2, 0, 1),
               udp(1000 + i, 2000, bytes((i * 31 + k * 7) & 255 for k in range(size - 28))), tos=4 * (i % 64))


def frames():
    """What comes in by net_pcap0: frames in VLAN 10, packets in VLAN 20, frames in UDP, in turn, by size."""
    made = []
    for i in range(FRAMES):
        inner = packet(i, 46 + (i * 97) % 1350)
        frame = MACS + b"\x08\x00" + inner
        if i % 3 == 0:
            made.append(MACS + struct.pack("!HH", 0x8100, 10) + frame[12:])
        elif i % 3 == 1:
            made.append(MACS + struct.pack("!HH", 0x8100, 20) + frame[12:])
        else:
            made.append(MACS + b"\x08\x00" + ip4((192, 0, 2, 2), (192, 0, 2, 1), udp(50000, 4801, frame)))
    return made


def write_pcap(path, of):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in of:
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def read_pcap(path):
    with open(path, "rb") as f:
        data, at, found = f.read(), 24, []
    while at < len(data):
        size = struct.unpack("<I", data[at + 8:at + 12])[0]
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


def tunnel(name, port, carrier, **keys):
    return {"name": name, "port": port, "carrier": carrier, "local": "192.0.2.1", "remote": "192.0.2.2",
            "remote_mac": REMOTE_MAC, **keys}


VIFS = [
    {"name": "a", "port": PORTS[0], "carrier": "vlan", "vlan": 10},
    tunnel("b", PORTS[1], "vxlan", vni=7),
    {"name": "c", "port": PORTS[0], "carrier": "vlan", "vlan": 20, "kind": "ip", "peer_mac": REMOTE_MAC},
    tunnel("d", PORTS[1], "udp", udp_port=4803, kind="ip"),
    tunnel("e", PORTS[0], "udp", udp_port=4801),
    {"name": "f", "port": PORTS[1], "carrier": "vlan", "vlan": 30},
]


class Pcap:
    """A node that plays frames into port 0 and keeps what leaves."""

    def __init__(self, made, vr, n_ports=2):
        self.folder = Node({"ports": [], "vrs": []}, start=False)
        self.files = [os.path.join(self.folder.folder, f"out{i}.pcap") for i in range(n_ports)]
        source, empty = (os.path.join(self.folder.folder, n) for n in ("in.pcap", "empty.pcap"))
        write_pcap(source, made)
        write_pcap(empty, [])
        vdevs = [f"net_pcap{i},rx_pcap={empty if i else source},tx_pcap={out}" for i, out in enumerate(self.files)]
        self.node = Node({"ports": ports(*(f"net_pcap{i}" for i in range(n_ports))), "vrs": [vr]}, vdevs)

    def left(self, done):
        """Run it until done(node); what left, by port."""
        try:
            with self.node as node:
                wait_for(lambda: done(node), "frames through the node")
                node.conserved()
            return [read_pcap(f) for f in self.files]
        finally:
            self.folder.clean_up()


def through(**keys):
    vr = {"name": "red", "plugin": "relay", "args": {"swap_mac": True}, "slots": 4096, "vifs": VIFS, **keys}

    def done(node):
        red = node.vr("red")
        check(red["dropped"] == 0, f"{keys}: {red}")
        return red["tx"] == FRAMES
    return Pcap(frames(), vr).left(done)


def test_same_bytes():
    """VLAN tags, tunnels and kinds: through sealed engines as through secondary ones."""
    want = through()
    check(len(want[1]) == FRAMES and want[0] == [], f"{len(want[1])} frames left, {len(want[0])} went back")
    for window in (64, 128, 9600, "full"):
        got = through(isolation="sealed", window=window)
        check(got[0] == [], "frames went back")
        for i, (w, g) in enumerate(zip(want[1], got[1])):
            check(w == g, f"window {window}, frame {i}: {g.hex()} instead of {w.hex()}")
        check(len(got[1]) == FRAMES, f"window {window}: {len(got[1])} frames left")


def test_one_byte():
    """A byte that a plugin changes is changed in what leaves, wherever the VR sees it; behind the header not by one that
    says it changes nothing there."""
    made = [MACS + b"\x08\x00" + packet(i, 46 + 41 * i) for i in range(32)]
    vr = {"name": "red", "isolation": "sealed", "slots": 4096, "vifs": [{"name": "a", "port": "net_pcap0"}]}
    for plugin, window, seen, places in (("t_write", 128, 128, (64, 127, 128)), ("t_write", "full", 1500, (300,)),
                                         ("t_write_header", 128, 64, (63, 64)), ("t_write_header", "full", 64, (100,))):
        for at in places:
            def changed(frame):
                if at >= min(len(frame), seen):
                    return frame
                return frame[:at] + bytes([frame[at] ^ 255]) + frame[at + 1:]
            vr.update(plugin=plugin, window=window, args={"at": at})
            left = Pcap(made, vr, 1).left(lambda node: node.vr("red")["tx"] == len(made))
            check(left[0] == [changed(f) for f in made], f"{plugin}, window {window}, byte {at}")


def test_beginnings():
    """Packets that grow or shrink at their beginning, within the window, or at their end, leave whole from either level."""
    made = [MACS + b"\x08\x00" + packet(i, 66 + 17 * i) for i in range(75)]
    levels = [{}, *({"isolation": "sealed", "window": window} for window in (64, "full"))]
    for what, n in (("grow", 60), ("trim", 50), ("cut", 60)):
        def changed(i, frame):
            if i % 3 != 0:
                frame = {"grow": bytes([n]) * n + frame, "trim": frame[n:], "cut": frame[:-n]}[what]
            return frame[:10] + bytes([frame[10] ^ 255]) + frame[11:]
        for level in levels:
            vr = {"name": "red", "plugin": "t_head", "args": {what: n}, "slots": 4096,
                  "vifs": [{"name": "a", "port": "net_pcap0"}], **level}
            left = Pcap(made, vr, 1).left(lambda node: node.vr("red")["tx"] == len(made))
            check(left[0] == [changed(i, f) for i, f in enumerate(made)], f"{what} {n}, {level}")


def test_copies():
    """A copy has the payload that the engine never saw, and what the plugin makes itself leaves whole."""
    made = [MACS + b"\x08\x00" + packet(i, 100 + 11 * i) for i in range(100)]
    vifs = [{"name": f"v{i}", "port": f"net_pcap{i}"} for i in range(3)]
    vr = {"name": "red", "plugin": "t_make", "isolation": "sealed", "blank_slots": 1024, "slots": 4096, "vifs": vifs}

    def done(node):
        counters = node.counters("red")
        return node.vr("red")["rx"] == len(made) and counters["copied"] == 2 * len(made) and counters["originated"] > 50
    left = Pcap(made, vr, 3).left(done)
    for i, got in enumerate(left):
        check([f for f in got if f[:12] == MACS] == made, f"port {i}: not the frames that came")
        for frame in (f for f in got if f[:12] != MACS):
            check(set(frame) == {0x11 * i} and 60 <= len(frame) < 1460, f"port {i}: made of {frame.hex()}")
        check(len(got) > len(made), f"port {i}: nothing was originated")


def sealed(name="red", port="net_loadgen0", engines=1, **keys):
    keys.setdefault("slots", 16384)
    return relay(name, port, engines, isolation="sealed", args={"swap_mac": True}, **keys)


def all_through(node, n, lost=0):
    """At least n packets, and what the source misses at the end."""
    node.wait_received(n)
    red = node.quiet()["vrs"]["red"]
    gen = node.loadgen()
    check(red["tx"] == red["rx"] and gen["source_lost"] == lost, f"{red} {gen}")
    return gen


def test_jumbo():
    """9,000 bytes, of which the VR sees 128, or all."""
    for keys in ({}, {"window": "full"}):
        vr = sealed(slots=512, **keys)
        config = {"ports": ports("net_loadgen0", mtu=9000), "vrs": [vr]}
        with Node(config, ["net_loadgen0,size=9000,rate=500,flows=10"]) as node:
            all_through(node, 600)


def test_no_hugepages():
    """Without a secondary engine no hugepage is needed."""
    for eal in (("--no-huge", "-m", "200"), ("--in-memory", "-m", "100")):
        config = {"ports": ports("net_loadgen0"), "vrs": [sealed(engines=2)]}
        with Node(config, ["net_loadgen0,rate=20000,flows=100"], eal=eal) as node:
            all_through(node, 10000)
    with Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0")]}, ["net_loadgen0"], eal=("--no-huge",),
              start=False) as node:
        node.refuse("exclude secondary engines", "\"sealed\"")


def test_several():
    """Two MD lcores, three engines, by turns with the order restored and by flow: nothing lost, nothing reordered."""
    for keys in ({"balance": "rr", "order": "restore"}, {"balance": "flow-jsq"}):
        config = {"ports": ports("net_loadgen0"), "vrs": [sealed(engines=3, **keys)]}
        with Node(config, ["net_loadgen0,rate=10000,flows=100,rxq=65536"], lcores="0@MD,1@MD") as node:
            gen = all_through(node, 10000)
            check(gen["sink_reordered"] == 0, f"{keys}: {gen}")
            check(all(e["rx"] > 0 for e in node.engines("red").values()), f"{node.engines('red')}")


def test_hold_and_talk():
    """Packets held for a second, and messages of siblings."""
    vr = {"name": "red", "plugin": "t_hold", "isolation": "sealed", "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=500,size=800,flows=1"]) as node:
        wait_for(lambda: node.vr("red")["tx"] > 100, "packets released")
        gen = all_through(node, 100)
        check(gen["sink_reordered"] == 0, f"{gen}")
    vr.update(plugin="t_talk", engines=3, balance="rr", slots=16384)
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=20000,flows=100"]) as node:
        wait_for(lambda: node.counters("red")["got"] > 5000, "5,000 messages", 30)
        check(node.counters("red")["wrong"] == 0, f"{node.counters('red')}")
        node.quiet()


def test_wild_answers():
    """What a plugin writes or says beyond its packet: dropped, by whoever finds out; reading beyond its memory ends it."""
    for how in ("shorter", "before", "behind", "astray", "longer"):
        vr = {"name": "red", "plugin": "t_answer", "args": {"answer": how}, "isolation": "sealed", "slots": 16384,
              "vifs": [{"name": "a", "port": "net_loadgen0"}]}
        with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=20000"]) as node:
            wait_for(lambda: node.vr("red")["dropped"] > 500, "wrong answers")
            red = node.quiet()["vrs"]["red"]
            check(set(red["drops"]) <= {"lie", "vif_too_long", *DEAD}, f"{how}: {red}")


def test_life():
    """Killed engines are replaced by one that is parked, more and fewer get packets; none starts by hand."""
    config = {"ports": ports("net_loadgen0"), "vrs": [sealed(engines="1..3", policy="threshold", threshold_pps=1000000)]}
    with Node(config, ["net_loadgen0,rate=5000,flows=100"]) as node:
        for deaths in (1, 2, 3):
            victim = wait_for(lambda: next((e for e in node.engines("red").values() if e["state"] == "running"), None),
                              "a running engine")
            os.kill(victim["pid"], signal.SIGKILL)
            wait_for(lambda n=deaths: sum(e["deaths"] for e in node.engines("red").values()) == n, "its death")
            before = node.vr("red")["tx"]
            wait_for(lambda b=before: node.vr("red")["tx"] > b + 100, "packets again")
        for n in (3, 1, 2):
            node.ctl("vr resize", vr="red", engines=n)
            wait_for(lambda n=n: [e["state"] for e in node.engines("red").values()].count("running") == n, f"{n} engines")
            before = node.vr("red")["tx"]
            wait_for(lambda b=before: node.vr("red")["tx"] > b + 100, "packets")
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) <= DEAD, f"{red}")
        check([r["isolation"] for r in node.rows("vr list")] == ["sealed"], "vr list tells")
        check(all(e["lcore"] == -1 for e in node.engines("red").values()), "no lcore ids are taken")


def test_allow_src():
    """Senders that a raw vif may not have do not leave, from either level; those that it may do."""
    for isolation in ("sealed", "secondary"):
        for allow, passes in (({"prefixes": ["198.18.0.0/16"]}, True), ({"prefixes": ["198.19.0.0/16", "2001:db8::/32"]}, False),
                              ({"mac": "02:00:00:00:00:07"}, False), ({}, True)):
            vr = relay("red", "net_loadgen0", isolation=isolation, slots=16384)
            vr["vifs"][0]["allow_src"] = allow
            with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=50000,count=500"]) as node:
                node.wait_received(500)
                red = node.quiet()["vrs"]["red"]
                check(red["drops"] == ({} if passes else {"source": 500}), f"{isolation}, {allow}: {red}")
                vifs = rows(node.ctl("vr show", vr="red")["vifs"])
                check(vifs[0]["tx"] == (500 if passes else 0), f"{vifs}")


if __name__ == "__main__":
    import harness
    harness.main()
