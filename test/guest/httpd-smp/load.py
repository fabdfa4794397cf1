# SPDX-License-Identifier: BSD-2-Clause
"""load: many clients of a web server at once, of several kinds; all they get is compared. load.py ADDRESS PORT ROUNDS [tls]

Nothing here depends on how fast anything is: limits are against hanging. The files are those of check.
"""
import random
import socket
import ssl
import struct
import sys
import threading

address = sys.argv[1], int(sys.argv[2])
INDEX = b"the index\n"
BIG = b"".join(b"%d\n" % i for i in range(1, 100001))[:300000]
SMALL = b"".join(b"%d\n" % i for i in range(1, 5001))[:20000]
FILES = {"/": INDEX, "/small.txt": SMALL, "/big.txt": BIG}
ROUNDS = int(sys.argv[3])
context = None
if len(sys.argv) > 4:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

lock = threading.Lock()
right = 0
wrong = []


def connect():
    s = socket.create_connection(address, timeout=60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(s) if context else s


def reset(s):
    """Closed with RST, whatever is under way."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def request(path, *fields):
    return "".join([f"GET {path} HTTP/1.1\r\nHost: x\r\n", *(f + "\r\n" for f in fields), "\r\n"]).encode()


def check(s, kept, status, body):
    """The next answer; kept: bytes that came after the last one, which are given back."""
    global right
    while b"\r\n\r\n" not in kept:
        piece = s.recv(65536)
        if not piece:
            raise OSError("ended in a head")
        kept += piece
    head, kept = kept.split(b"\r\n\r\n", 1)
    length = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")).split(b":")[1])
    while len(kept) < length:
        piece = s.recv(65536)
        if not piece:
            raise OSError("ended in a body")
        kept += piece
    if head.split()[1] != b"%d" % status or kept[:length] != body:
        raise OSError(f"{status} of {len(body)} bytes is {head!r} and {length} bytes")
    with lock:
        right += 1
    return kept[length:]


def keeper(numbers):
    """One connection, request after request."""
    with connect() as s:
        kept = b""
        for _ in range(ROUNDS * 4):
            path = numbers.choice(("/", "/", "/small.txt"))
            s.sendall(request(path))
            kept = check(s, kept, 200, FILES[path])


def newcomer(numbers):
    """A connection for each request."""
    for _ in range(ROUNDS):
        path = numbers.choice(tuple(FILES))
        with connect() as s:
            s.sendall(request(path, "Connection: close"))
            kept = check(s, b"", 200, FILES[path])
            if kept or s.recv(1):
                raise OSError("more than was asked for")


def ranger(numbers):
    with connect() as s:
        kept = b""
        for _ in range(ROUNDS):
            first = numbers.randrange(len(BIG))
            last = numbers.randrange(first, len(BIG))
            s.sendall(request("/big.txt", f"Range: bytes={first}-{last}"))
            kept = check(s, kept, 206, BIG[first:last + 1])


def piper(numbers):
    """Many requests, then many answers."""
    with connect() as s:
        kept = b""
        for _ in range(ROUNDS // 5):
            paths = numbers.choices(("/", "/small.txt"), k=10)
            s.sendall(b"".join(map(request, paths)))
            for path in paths:
                kept = check(s, kept, 200, FILES[path])


def dropper(numbers):
    """Goes in the middle of a request, of an answer, or without a word."""
    for _ in range(ROUNDS):
        s = connect()
        how = numbers.randrange(4)
        if how == 0:
            s.sendall(request("/big.txt")[:numbers.randrange(1, 30)])
        elif how > 1:
            s.sendall(request("/big.txt") * how)
            s.recv(numbers.randrange(1, 5000))
        if numbers.randrange(2):
            reset(s)
        else:
            s.close()


def sleeper(until):
    """Asks for much and takes nothing, until all others are done."""
    s = connect()
    s.sendall(request("/big.txt") * 10)
    until.wait()
    reset(s)


def run(kind, number):
    try:
        kind(random.Random(number))
    except (OSError, ValueError) as error:
        with lock:
            wrong.append(f"{kind.__name__} {number}: {error}")


done = threading.Event()
sleepers = [threading.Thread(target=sleeper, args=(done,)) for _ in range(4)]
others = [threading.Thread(target=run, args=(kind, number))
          for number in range(3) for kind in (keeper, newcomer, ranger, piper, dropper)]
for thread in sleepers + others:
    thread.start()
for thread in others:
    thread.join()
done.set()
for thread in sleepers:
    thread.join()
for text in wrong:
    print("FAIL", text)
if not wrong:
    print(f"all {right} answers are right")
sys.exit(bool(wrong))
