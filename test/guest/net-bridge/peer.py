# SPDX-License-Identifier: BSD-2-Clause
"""peer: in dom0, talks to an echo server in a guest. peer.py ADDRESS MiB CONNECTIONS"""
import hashlib
import os
import socket
import sys
import threading

host, mib, connections = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
address = socket.getaddrinfo(host, 7, family, socket.SOCK_STREAM)[0][4]
data = os.urandom(1 << 20)


def bulk():
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect(address)
        wanted, found, count = hashlib.md5(), hashlib.md5(), 0

        def send():
            for _ in range(mib):
                s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=send)
        thread.start()
        for _ in range(mib):
            wanted.update(data)
        while True:
            piece = s.recv(1 << 16)
            if not piece:
                break
            found.update(piece)
            count += len(piece)
        thread.join()
        print("tcp", count, "same" if wanted.digest() == found.digest() else "DIFFERENT")


def datagrams():
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        good = 0
        sizes = (0, 1, 100, 1400, 1472, 1473, 3000, 9000, 30000)
        for size in sizes:
            for _ in range(3):
                s.sendto(data[:size], address)
                try:
                    good += s.recvfrom(65536)[0] == data[:size]
                    break
                except socket.timeout:
                    continue
        print("udp", good, "of", len(sizes))


def many():
    sockets = []
    for _ in range(connections):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(30)
        s.connect(address)
        sockets.append(s)
    for number, s in enumerate(sockets):
        s.sendall(b"%d\n" % number)
    good = sum(s.recv(100) == b"%d\n" % number for number, s in enumerate(sockets))
    for s in sockets:
        s.close()
    print("connections", good, "of", connections)


bulk()
datagrams()
many()
