# SPDX-License-Identifier: BSD-2-Clause
"""client.py ADDRESS commands|write|check: a client of Redis in dom0."""
import itertools
import socket
import sys
import time

WRITTEN = "/tmp/t-redis-written"  # a line for each key whose SET was answered


class Client:
    """One connection; it waits until the server is there."""

    def __init__(self, address):
        while True:
            try:
                self.stream = socket.create_connection((address, 6379), 5).makefile("rwb")
                if self.ask("PING") == "PONG":
                    return
            except OSError:
                pass
            time.sleep(0.2)

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"$":
            return None if text == "-1" else self.stream.read(int(text) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(text))]
        return int(text) if kind == b":" else text

    def ask(self, *words):
        self.stream.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
        self.stream.flush()
        return self.read()


def commands(client):
    for words, answer in (
            (("SET", "a", "41"), "OK"), (("INCR", "a"), 42), (("GET", "a"), "42"), (("GET", "none"), None),
            (("RPUSH", "l", "x", "y", "z"), 3), (("LRANGE", "l", "0", "-1"), ["x", "y", "z"]),
            (("ZADD", "z", "1.5", "one", "0.5", "two"), 2), (("ZRANGE", "z", "0", "-1"), ["two", "one"]),
            (("EVAL", "return redis.call('GET', KEYS[1]) + 1", "1", "a"), 43),
            (("PEXPIRE", "l", "1"), 1), (("SET", "big", "b" * 3000000), "OK"), (("STRLEN", "big"), 3000000),
            (("DEL", "big"), 1)):
        got = client.ask(*words)
        assert got == answer, (words[:2], got)
    # A second process is not to be had.
    assert client.ask("BGREWRITEAOF").startswith("ERR")
    time.sleep(0.1)
    assert client.ask("EXISTS", "l") == 0


def write(client):
    with open(WRITTEN, "w", encoding="ascii", buffering=1) as f:
        try:
            for i in itertools.count():
                if client.ask("SET", f"key-{i}", f"value of {i}") != "OK":
                    return
                f.write(f"{i}\n")
        except (OSError, EOFError):
            return


def check(client):
    with open(WRITTEN, encoding="ascii") as f:
        numbers = [int(line) for line in f]
    assert len(numbers) > 500
    for i in numbers:
        got = client.ask("GET", f"key-{i}")
        assert got == f"value of {i}", (i, got)
    assert client.ask("GET", "a") == "42"
    print(f"{len(numbers)} keys")
    try:
        client.ask("SHUTDOWN")
    except (OSError, EOFError):
        pass


{"commands": commands, "write": write, "check": check}[sys.argv[2]](Client(sys.argv[1]))
