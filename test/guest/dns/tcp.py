# SPDX-License-Identifier: BSD-2-Clause
"""tcp: in dom0, what dig does not do to a name server: messages in pieces, many at once, rubbish. tcp.py ADDRESS"""
import random
import socket
import struct
import sys

address = (sys.argv[1], 53)
done = failed = 0
query = struct.pack(">HHHHHH", 7, 0, 1, 0, 0, 0) + b"\4mail\x08stardust\7example\0" + struct.pack(">HH", 1, 1)
framed = struct.pack(">H", len(query)) + query


def check(what, holds, seen=""):
    global done, failed
    done += 1
    if not holds:
        failed += 1
        print("FAIL", what, repr(seen)[:200])


def connect():
    return socket.create_connection(address, timeout=60)


def message(s):
    text = b""
    while len(text) < 2 or len(text) < 2 + struct.unpack(">H", text[:2])[0]:
        wanted = 2 - len(text) if len(text) < 2 else 2 + struct.unpack(">H", text[:2])[0] - len(text)
        piece = s.recv(wanted)
        if not piece:
            return b""
        text += piece
    return text[2:]


def good(text):
    return text[:2] == b"\0\7" and text.endswith(bytes([192, 0, 2, 25]))


with connect() as s:
    for byte in framed:
        s.sendall(bytes([byte]))
    check("byte by byte", good(message(s)))
    s.sendall(framed * 300)
    check("300 at once", all(good(message(s)) for _ in range(300)))
for rubbish in (b"\xff\xff" + b"x" * 5000, b"\0\0", b"\0\4abcd", struct.pack(">H", len(query)) + query[:2] + b"\x80" + query[3:]):
    with connect() as s:
        s.sendall(rubbish)
        try:
            check("rubbish ends the connection", s.recv(100) == b"")
        except ConnectionResetError:
            check("rubbish ends the connection", True)
idle = [connect() for _ in range(130)]
with connect() as s:
    s.sendall(framed)
    check("beside 130 that say nothing", good(message(s)))
for s in idle:
    s.close()
numbers = random.Random(1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for _ in range(2000):
        text = bytearray(query)
        for _ in range(numbers.randrange(1, 4)):
            text[numbers.randrange(len(text))] = numbers.randrange(256)
        s.sendto(bytes(text[:numbers.randrange(len(text) + 1)]), address)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    for _ in range(20):
        s.sendto(query, address)
        try:
            check("after rubbish", good(s.recv(2000)))
            break
        except socket.timeout:
            pass
    else:
        check("after rubbish", False)
print(f"{failed} of {done} checks failed" if failed else f"all {done} checks hold")
sys.exit(failed != 0)
