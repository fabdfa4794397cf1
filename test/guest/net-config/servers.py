# SPDX-License-Identifier: BSD-2-Clause
"""servers: in dom0, what a network tells those who come to it: DHCP, and announcements of an IPv6 router.
servers.py INTERFACE LEASE-SECONDS LOG. Gives out 10.0.16.77, and 10.0.16.78 after that was declined; a line in LOG for
each message."""
import select
import socket
import struct
import sys

interface, lease, log_path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
SERVER, FIRST, SECOND = (socket.inet_aton("10.0.16." + last) for last in ("1", "77", "78"))
KINDS = {1: "DISCOVER", 3: "REQUEST", 4: "DECLINE", 7: "RELEASE"}
log = open(log_path, "w", buffering=1)
offers = FIRST


def options_of(message):
    found, at = {}, 240
    while at + 1 < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        found[message[at]] = message[at + 2:at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return found


def answer(question, kind):
    options = b"\x35\x01" + bytes([kind]) + b"\x36\x04" + SERVER
    options += b"\x33\x04" + struct.pack(">I", lease) + b"\x01\x04\xff\xff\xff\x00\x03\x04" + SERVER
    options += b"\x06\x04" + SERVER + b"\xff"
    return b"\x02" + question[1:16] + offers + SERVER + question[24:240] + options


dhcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dhcp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
dhcp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
dhcp.bind(("", 67))
icmp = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
index = socket.if_nametoindex(interface)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
# One prefix for addresses of one's own, and a name server.
prefix = socket.inet_pton(socket.AF_INET6, "fd16::")
announcement = (struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
                + struct.pack(">BBBBIII", 3, 4, 64, 0xc0, 3600, 1800, 0) + prefix
                + struct.pack(">BBHI", 25, 3, 0, 1800) + socket.inet_pton(socket.AF_INET6, "fd16::53"))
print("ready", file=log)
while True:
    if not select.select([dhcp], [], [], 1)[0]:
        icmp.sendto(announcement, ("ff02::1", 0, 0, index))
        continue
    question, sender = dhcp.recvfrom(2048)
    kind = options_of(question).get(53, b"\0")[0]
    print(KINDS.get(kind, kind), sender[0], file=log)
    to = (sender[0] if sender[0] != "0.0.0.0" else "255.255.255.255", 68)
    if kind == 1:
        dhcp.sendto(answer(question, 2), to)
    elif kind == 3:
        dhcp.sendto(answer(question, 5), to)
    elif kind == 4:
        offers = SECOND
