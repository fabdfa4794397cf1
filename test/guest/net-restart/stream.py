# SPDX-License-Identifier: BSD-2-Clause
"""stream: in dom0, sends to an echo server on one connection and compares what comes back, until it is told to end.
stream.py ADDRESS DIRECTORY: the bytes that came back so far are in DIRECTORY/count; DIRECTORY/stop ends it."""
import hashlib
import os
import random
import socket
import sys
import threading

address, directory = sys.argv[1], sys.argv[2]
sent, received, count = hashlib.md5(), hashlib.md5(), 0
pieces = random.Random(17)
s = socket.socket()
s.connect((address, 7))


def send():
    while not os.path.exists(directory + "/stop"):
        piece = pieces.randbytes(pieces.randrange(1, 200000))
        sent.update(piece)
        s.sendall(piece)
    s.shutdown(socket.SHUT_WR)


thread = threading.Thread(target=send)
thread.start()
while True:
    bytes_ = s.recv(1 << 16)
    if not bytes_:
        break
    received.update(bytes_)
    count += len(bytes_)
    with open(directory + "/new", "w") as file:
        file.write("%d" % count)
    os.replace(directory + "/new", directory + "/count")
thread.join()
print("stream", "same" if sent.digest() == received.digest() else "DIFFERENT", count)
