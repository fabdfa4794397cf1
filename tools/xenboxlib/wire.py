# SPDX-License-Identifier: BSD-2-Clause
"""Talking to the agent in dom0 over one of the box's ports. The protocol is in tools/box/wire.h."""

import fcntl
import os
import select
import signal
import socket
import struct
import termios
import time

from .msg import Fail

MAGIC = 0xB5
PAYLOAD_MAX = 16384
HELLO_SECONDS = 5
STDIN_WINDOW = 256 << 10
PORTS = 16
TTY = 1


class Gone(Exception):
    """The connection ended: the box is no more."""


def frame(kind, payload=b""):
    return struct.pack("<BBH", MAGIC, ord(kind), len(payload)) + payload


def in_directory(directory, name):
    """A path for a socket that is short enough however deep the directory is."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return fd, f"/proc/self/fd/{fd}/{name}"


def connect(directory, name):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    fd, path = in_directory(directory, name)
    try:
        s.connect(path)
    except OSError as e:
        s.close()
        raise Gone(str(e))
    finally:
        os.close(fd)
    return s


def take_port(directory):
    """A port nobody else uses, held by a lock: (number, lock's descriptor)."""
    for number in range(PORTS):
        try:
            fd = os.open(f"{directory}/port{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
                         0o600)
        except OSError:
            raise Gone("no run directory")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number, fd
        except OSError:
            os.close(fd)
    raise Fail(f"all {PORTS} connections to this box are in use: end one, or start another box "
               f"with -b")


def strings(items):
    return b"".join(os.fsencode(i) + b"\0" for i in items)


def exec_request(argv, env=None, cwd="/root", tty=False, size=(0, 0)):
    pairs = [f"{k}={v}" for k, v in (env or {}).items()]
    head = struct.pack("<5H", TTY if tty else 0, size[0], size[1], len(argv), len(pairs))
    return head + strings([cwd]) + strings(argv) + strings(pairs)


def file_request(path, mode=0o644):
    return struct.pack("<I", mode) + os.fsencode(path) + b"\0"


def window_size(fd):
    try:
        rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
        return rows, columns
    except OSError:
        return 0, 0


class Talk:
    """One connection: say hello, then run jobs one after another."""

    def __init__(self, directory):
        self.port, self.lock = take_port(directory)
        self.received = bytearray()
        self.to_send = bytearray()
        try:
            self.socket = connect(directory, f"port{self.port}")
        except Gone:
            os.close(self.lock)
            raise
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()
        os.close(self.lock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- moving bytes ---------------------------------------------------------------------------

    def _flush(self):
        while self.to_send:
            try:
                n = self.socket.send(memoryview(self.to_send)[:262144])
            except BlockingIOError:
                return
            except OSError as e:
                raise Gone(str(e))
            del self.to_send[:n]

    def _fill(self):
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return
        except OSError as e:
            raise Gone(str(e))
        if not data:
            raise Gone("connection closed")
        self.received += data

    def _next_frame(self):
        """(kind, payload) of the next complete frame, or None."""
        data = self.received
        if len(data) < 4:
            return None
        magic, kind, size = struct.unpack_from("<BBH", data)
        if magic != MAGIC:
            raise Gone("the agent's answer makes no sense")
        if len(data) - 4 < size:
            return None
        payload = bytes(data[4:4 + size])
        del data[:4 + size]
        return chr(kind), payload

    def _wait(self, seconds, *more):
        """Wait for the socket or the (fd, events) in `more`; returns {fd: events}."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | (select.POLLOUT if self.to_send else 0))
        for fd, events in more:
            poll.register(fd, events)
        return dict(poll.poll(None if seconds is None else max(0, seconds) * 1000))

    # -- conversations --------------------------------------------------------------------------

    def hello(self, seconds, set_clock=False):
        """Until the agent answers. False when it does not within `seconds`."""
        nonce = os.urandom(16)
        now = int(time.time()) if set_clock else 0
        greeting = b"\0" * (PAYLOAD_MAX + 4) + frame("H", nonce + struct.pack("<Q", now))
        expected = frame("h", nonce)
        end = time.monotonic() + seconds
        again = 0
        while True:
            # Once more now and then: what was said before there was an agent (a box that comes up) is lost.
            if time.monotonic() >= again and not self.to_send:
                self.to_send += greeting
                again = time.monotonic() + HELLO_SECONDS
            self._flush()
            at = self.received.find(expected)
            if at >= 0:
                del self.received[:at + len(expected)]
                return True
            del self.received[:-len(expected)]      # what the last client did not fetch
            if time.monotonic() > end:
                return False
            self._wait(min(end, again) - time.monotonic() if not self.to_send else end - time.monotonic())
            self._fill()

    def start(self, kind, request):
        for at in range(0, len(request), PAYLOAD_MAX):
            self.to_send += frame("A", request[at:at + PAYLOAD_MAX])
        self.to_send += frame(kind)

    def send_signal(self, number):
        self.to_send += frame("S", struct.pack("<I", number))

    def send_window(self, rows, columns):
        self.to_send += frame("W", struct.pack("<HH", rows, columns))

    def job(self, kind, request, stdin=None, out=None, err=None, hooks=None, seconds=None):
        """Run a job to its end; returns its exit status.

        stdin: a descriptor, bytes, or None. out, err: called with bytes. hooks: an object with
        before_wait() -> None, called each round, and filter_input(bytes) -> bytes."""
        self.start(kind, request)
        source = Input(stdin)
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            if hooks:
                hooks.before_wait(self)
            source.feed(self, hooks)
            self._flush()
            while got := self._next_frame():
                name, payload = got
                if name == "O" and out:
                    out(payload)
                elif name == "R" and err:
                    err(payload)
                elif name == "C":
                    source.credit(struct.unpack("<I", payload)[0])
                elif name == "Q":
                    return struct.unpack("<I", payload)[0]
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            ready = self._wait(left, *source.wanted(), *(hooks.wanted() if hooks else ()))
            if source.fd in ready:
                source.ready = True
            if ready.get(self.socket.fileno(), 0) & ~select.POLLOUT:
                self._fill()

    def cancel(self, seconds):
        """Ask the job that was left unfinished to end, and wait for that a while."""
        self.send_signal(signal.SIGTERM)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._flush()
            while got := self._next_frame():
                if got[0] == "Q":
                    return
            if self._wait(end - time.monotonic()):
                self._fill()

    def run(self, argv, seconds=None, **more):
        """Run a command quietly: (status, its output, its errors)."""
        out, err = [], []
        status = self.job("X", exec_request(argv, **more), out=out.append, err=err.append,
                          seconds=seconds)
        return status, b"".join(out), b"".join(err)


class Input:
    """Standard input of a job, sent no faster than the job takes it."""

    def __init__(self, source):
        self.fd = source if isinstance(source, int) else None
        self.data = source if isinstance(source, bytes) else b""
        self.window = STDIN_WINDOW
        self.ready = False
        self.ended = False

    def credit(self, count):
        self.window += count

    def wanted(self):
        if self.fd is None or self.ended or self.window < PAYLOAD_MAX:
            return ()
        return ((self.fd, select.POLLIN),)

    def feed(self, talk, hooks):
        if self.ended:
            return
        if self.fd is None:
            self._feed_bytes(talk)
        elif self.ready and self.window >= PAYLOAD_MAX:
            self.ready = False
            try:
                data = os.read(self.fd, PAYLOAD_MAX)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data and hooks:
                data = hooks.filter_input(data)
                if not data:
                    return
            self._send(talk, data)

    def _feed_bytes(self, talk):
        while self.window >= PAYLOAD_MAX and not self.ended and len(talk.to_send) < 1 << 20:
            piece, self.data = self.data[:PAYLOAD_MAX], self.data[PAYLOAD_MAX:]
            self._send(talk, piece)

    def _send(self, talk, data):
        if data:
            self.window -= len(data)
            talk.to_send += frame("I", data)
        else:
            self.ended = True
            talk.to_send += frame("E")


def ignore_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
