#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""frames.py DIRECTORY: seeds for fuzz_frames, one file for each kind of traffic."""
import os
import struct
import sys

MAC, PEER = bytes.fromhex("00163e000002"), bytes.fromhex("00163e000001")
US, THEM = bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1])
LINK = bytes.fromhex("fe80000000000000") + bytes.fromhex("02163efffe000002")
THEM6 = bytes.fromhex("fe80000000000000") + bytes.fromhex("02163efffe000001")
FIX, FOLLOW, CHECKED, TIME = 1, 2, 4, 8


def record(frame, flags=FIX):
    return struct.pack("!HB", len(frame), flags) + frame


def ethernet(kind, body, to=MAC):
    return to + PEER + struct.pack("!H", kind) + body


def ip(protocol, body, fragment=0, source=THEM, target=US):
    return ethernet(0x800, struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol, 0)
                    + source + target + body)


def ip6(protocol, body):
    return ethernet(0x86dd, struct.pack("!IHBB", 6 << 28, len(body), protocol, 255) + THEM6 + LINK + body)


def tcp(flags, seq=0, ack=0, options=b"", body=b""):
    return ip(6, struct.pack("!HHIIBBHHH", 4000, 7, seq, ack, (5 + len(options) // 4) << 4, flags, 8192, 0, 0)
              + options + body)


def udp(source, target, body):
    return ip(17, struct.pack("!HHHH", source, target, 8 + len(body), 0) + body)


ARP = ethernet(0x806, struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + PEER + THEM + bytes(6) + US)
OPTIONS = bytes.fromhex("020405b4" "04020303" "07010101")
SYN = record(ARP) + record(tcp(2, 100, 0, OPTIONS))
DHCP6 = bytes.fromhex("07000000" "0001000a00030001") + MAC + bytes.fromhex("0002000600030001aabb" "000300283e000002") \
    + bytes.fromhex("000000050000000800050018") + bytes.fromhex("fd00") + bytes(13) + b"\x42" + bytes.fromhex("000000090000000a")
SEEDS = {
    "arp": record(ARP),
    "ping": record(ip(1, struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"x" * 40)),
    "fragments": b"".join(record(ip(17, bytes(24), part)) for part in (0x2000, 0x2003, 6)),
    "udp": record(ARP) + record(udp(4000, 7, b"hello")),
    "dhcp": record(udp(67, 68, bytes([2, 1, 6, 0]) + bytes(232) + bytes.fromhex("63825363" "350102" "3604") + THEM + b"\xff"),
                   FIX | TIME),
    "tcp": SYN + record(tcp(0x10, 0, 0), FIX | FOLLOW) + record(tcp(0x18, 0, 0, b"", b"data" * 20), FIX | FOLLOW)
    + record(tcp(0x11, 0, 0), FIX | FOLLOW),
    "tcp-holes": SYN + record(tcp(0x10), FIX | FOLLOW)
    + b"".join(record(tcp(0x18, at, 0, b"", b"y" * 100), FIX | FOLLOW) for at in (300, 100, 200, 0, 50)),
    "tcp-sack": SYN + record(tcp(0x10, 0, 0, bytes.fromhex("0101050a0000000100000002")), FIX | FOLLOW),
    "tcp-reset": SYN + record(tcp(4), FIX | FOLLOW),
    "unreachable": record(ip(1, struct.pack("!BBHI", 3, 3, 0, 0) + udp(7, 4000, b"hello")[14:])),
    "ping6": record(ip6(58, struct.pack("!BBHHH", 128, 0, 0, 1, 1) + b"z" * 20), CHECKED),
    "neighbour": record(ip6(58, struct.pack("!BBHI", 135, 0, 0, 0) + LINK + b"\1\1" + PEER), CHECKED),
    "router": record(ip6(58, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
                         + bytes.fromhex("030440c00000070800000384") + bytes(4) + bytes.fromhex("fd00") + bytes(14))),
    "dhcp6": record(ip6(58, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0xc0, 1800, 0, 0)), CHECKED | TIME)
    + record(ip6(17, struct.pack("!HHHH", 547, 546, 8 + len(DHCP6), 0) + DHCP6), CHECKED | TIME),
    "fragments6": b"".join(record(ip6(44, struct.pack("!BBHI", 17, 0, at, 9) + bytes(16))) for at in (1, 17, 32)),
    "group": record(ip(2, bytes.fromhex("1164000000000000"), 0, THEM, bytes([224, 0, 0, 1]))),
}
os.makedirs(sys.argv[1], exist_ok=True)
for name, seed in SEEDS.items():
    with open(os.path.join(sys.argv[1], name), "wb") as f:
        f.write(seed)
