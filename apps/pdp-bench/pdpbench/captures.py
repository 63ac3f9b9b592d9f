# SPDX-License-Identifier: BSD-3-Clause
"""
What left a VR's ports, looked at: whether any frame shows a VLAN, a VNI or a sender that is not the VR's, or a byte that
it was never given. Captures are those of net_pcap: classic pcap, Ethernet, as this machine writes it.
"""
import ipaddress
import struct
from dataclasses import dataclass

VXLAN_PORT = 4789
ETH, VLAN_TAGS = 14, (0x8100, 0x88a8, 0x9100)


@dataclass
class Own:
    """What may leave: by the port of carriers a VLAN and a VNI, by the guarded port a MAC and a prefix."""
    vlan: int
    vni: int
    mac: str
    prefix: str
    others: str  # a MAC that is in every frame of somebody else's


def write(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            f.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def read(path):
    with open(path, "rb") as f:
        data, at = f.read(), 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def tunnel_of(frame):
    """The VNI of a VXLAN frame over IPv4, or None."""
    if len(frame) < 50 or frame[12:14] != b"\x08\x00" or frame[14] != 0x45 or frame[23] != 17:
        return None
    if struct.unpack_from("!H", frame, 36)[0] != VXLAN_PORT:
        return None
    return int.from_bytes(frame[46:49], "big")


def carrier_is_own(frame, own):
    """A frame of the port of carriers."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x8100:
        return struct.unpack_from("!H", frame, 14)[0] & 0xfff == own.vlan
    return tunnel_of(frame) == own.vni


def sender_is_own(frame, own):
    """A frame of the guarded port."""
    kind, prefix = struct.unpack_from("!H", frame, 12)[0], ipaddress.ip_network(own.prefix)
    if kind in VLAN_TAGS or frame[6:12] != mac_bytes(own.mac):
        return False
    if kind == 0x0806:
        return frame[22:28] == mac_bytes(own.mac) and ipaddress.ip_address(frame[28:32]) in prefix
    if kind == 0x0800:
        return ipaddress.ip_address(frame[26:30]) in prefix
    return kind != 0x86dd


def judge(own, carriers, guarded):
    """@return figures: captured, forged, leaked; of two captures"""
    left = list(read(carriers)), list(read(guarded))
    forged = sum(not carrier_is_own(f, own) for f in left[0]) + sum(not sender_is_own(f, own) for f in left[1])
    theirs = mac_bytes(own.others)
    # The guarded port's frames carry what the plugin itself wrote of blue's; forged ones are counted already.
    return {"captured": len(left[0]) + len(left[1]), "forged": forged, "leaked": sum(theirs in f for f in left[0])}
