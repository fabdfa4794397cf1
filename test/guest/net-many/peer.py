# SPDX-License-Identifier: BSD-2-Clause
"""peer: in dom0, clients of all kinds of a guest's echo server. peer.py ADDRESS SOURCES MANY ROW

SOURCES: a prefix like 10.0.14. of which 100 to 107 are ours. Prints a line for each kind, `… of …`."""
import os
import resource
import select
import socket
import struct
import sys
import threading
import time

host, sources, many, row = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
address = (host, 7)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, many + 1000), max(hard, many + 1000)))


def connect(number=0):
    s = socket.socket()
    s.settimeout(60)
    s.bind((f"{sources}{100 + number % 8}", 0))
    s.connect(address)
    return s


def echo(s, text):
    s.sendall(text)
    found = b""
    while len(found) < len(text):
        piece = s.recv(65536)
        if not piece:
            break
        found += piece
    return found == text


def at_once():
    sockets = [connect(n) for n in range(many)]
    good = sum(echo(s, b"%d\n" % n) for n, s in enumerate(sockets))
    again = sum(echo(s, b"again %d\n" % n) for n, s in enumerate(reversed(sockets)))
    print("at once", good, "of", many, "again", again, "of", many, flush=True)
    for s in sockets:
        s.close()


def in_a_row():
    good = 0
    for number in range(row):
        with connect(number) as s:
            if number % 16 == 0:
                good += echo(s, b"x")
            else:
                good += 1
    print("in a row", good, "of", row, flush=True)


def never_read():
    """Sends as long as the guest takes anything, and reads nothing."""
    hogs = []
    for number in range(16):
        s = connect(number)
        s.setblocking(False)
        hogs.append(s)
    data = bytes(1 << 16)
    idle = 0
    while idle < 5:
        _, writable, _ = select.select([], hogs, [], 0.2)
        idle = 0 if writable else idle + 1
        for s in writable:
            try:
                s.send(data)
            except (BlockingIOError, ConnectionError):
                continue
    good = 0
    for number in range(50):
        with connect(number) as s:
            good += echo(s, os.urandom(3000))
    print("beside those who never read", good, "of", 50, flush=True)
    for s in hogs:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def flood(stop):
    """SYNs from addresses that never answer."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    target = socket.inet_aton(host)
    count = 0
    while not stop.is_set():
        source = socket.inet_aton(f"{sources}{count % 40 + 200}")
        head = struct.pack("!HHIIBBHHH", 1024 + count % 60000, 7, count, 0, 0x50, 2, 1024, 0, 0)
        tcp = head[:16] + struct.pack("!H", checksum(source + target + struct.pack("!BBH", 0, 6, 20) + head)) + head[18:]
        raw.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, source, target) + tcp, (host, 0))
        count += 1
        if count % 20 == 0:
            time.sleep(0.002)
        if count == 2000:
            begun.set()
    print("flood", "of thousands" if count >= 2000 else count, flush=True)


begun = threading.Event()


def beside_flood():
    stop = threading.Event()
    thread = threading.Thread(target=flood, args=(stop,), daemon=True)
    thread.start()
    begun.wait(60)
    good = 0
    tries = 0
    while good < 50 and tries < 5000:
        tries += 1
        try:
            with connect(tries) as s:
                good += echo(s, b"hello")
        except ConnectionError:
            continue    # a thousand others came between our SYN and our ACK
    stop.set()
    thread.join()
    print("beside a SYN flood", good, "of", 50, flush=True)


at_once()
in_a_row()
never_read()
beside_flood()
