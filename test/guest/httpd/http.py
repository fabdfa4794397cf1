# SPDX-License-Identifier: BSD-2-Clause
"""http: asks a web server for what it should give, and for what it should not. http.py ADDRESS PORT WHAT [CERTIFICATE]

WHAT is `all`, or `some` of it. With a certificate all goes over TLS. Nothing here depends on how fast anything is: limits are against hanging.
"""
import os
import socket
import ssl
import sys

host, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
address = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4]
context = None
if len(sys.argv) > 4:
    context = ssl.create_default_context(cafile=sys.argv[4])
big = open("/tmp/big.txt", "rb").read()
done = failed = 0


def check(what, holds, seen=""):
    global done, failed
    done += 1
    if not holds:
        failed += 1
        print("FAIL", what, repr(seen)[:300])


def connect():
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(60)
    s.connect(address)
    return context.wrap_socket(s, server_hostname="localhost") if context else s


class Answers:
    """What a server sends on one connection, answer by answer."""

    def __init__(self, s):
        self.s, self.text = s, b""

    def more(self):
        piece = self.s.recv(65536)
        self.text += piece
        return piece

    def next(self, is_head=False):
        while b"\r\n\r\n" not in self.text:
            if not self.more():
                return None, {}, self.text
        head, self.text = self.text.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        length = 0 if is_head else int(fields["content-length"])
        while len(self.text) < length and self.more():
            pass
        body, self.text = self.text[:length], self.text[length:]
        return int(lines[0].split()[1]), fields, body

    def ended(self):
        try:
            return not self.text and not self.more()
        except OSError:
            return False


def ask(text, is_head=False):
    """One request, whose connection is closed afterwards."""
    with connect() as s:
        s.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
        return Answers(s).next(is_head)


kept = None


def get(path, *fields, method="GET"):
    """One request on a connection that is used as long as it lasts."""
    global kept
    text = "".join([f"{method} {path} HTTP/1.1\r\nHost: x\r\n"] + [f + "\r\n" for f in fields] + ["\r\n"])
    kept = kept or Answers(connect())
    kept.s.sendall(text.encode("latin-1"))
    found = kept.next(method == "HEAD")
    if found[1].get("connection") != "keep-alive":
        kept.s.close()
        kept = None
    return found


def statuses():
    for path, wanted in (("/", 200), ("/index.html", 200), ("/?query", 200), ("/empty.txt", 200), ("/none", 404),
                         ("/list", 301), ("/list/", 200), ("/list/deep/", 200), ("/index.html/", 404),
                         ("/big%2etxt", 200), ("/big%00.txt", 400), ("/big%zz", 400), ("/%", 400), ("/%4", 400),
                         ("big.txt", 400), ("*", 400), ("http://x/big.txt", 200), ("http://x", 400),
                         ("/fifo", 404), ("/link-in", 200), ("/" + "a" * 3000, 414),
                         ("/" + "a/" * 400, 404)):
        found = get(path)
        check(f"{path[:40]} is {wanted}", found[0] == wanted, found)
    for request, wanted in (("GET / HTTP/1.1\r\n\r\n", 400), ("GET /\r\n\r\n", 400), ("GET\r\n\r\n", 400),
                            (" \r\n\r\n", 400), ("GET / HTTP/1.0\r\n\r\n", 200), ("GET / HTTP/2.0\r\n\r\n", 505),
                            ("GET / HTTP/1.1x\r\nHost: x\r\n\r\n", 400), ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                            ("GET / HTTQ/1.1\r\nHost: x\r\n\r\n", 400), ("get / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
                            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
                            ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405),
                            ("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 200),
                            ("GET / HTTP/1.1\r\nHost: x\r\na: \0\r\n\r\n", 400),
                            ("GET / HTTP/1.1\r\nHost: x\r\na: " + "b" * 9000 + "\r\n\r\n", 431),
                            ("x" * 20000, 431), ("\0" * 20000, 431)):
        found = ask(request)
        check(f"{request[:40]!r} is {wanted}", found[0] == wanted, found)
    check("405 says what is allowed", get("/", method="PUT")[1].get("allow") == "GET, HEAD")
    found = get("/big.txt", method="HEAD")
    check("HEAD", found[0] == 200 and found[1]["content-length"] == str(len(big)) and found[2] == b"", found)
    check("a date", len(get("/")[1].get("date", "")) == 29)
    check("301 leads there", get("/list")[1].get("location") == "/list/")
    check("a list", b'<a href="a%20%3Cb%3E%20%26%20c.txt">a &#60;b&#62; &#38; c.txt</a>' in get("/list/")[2],
          get("/list/"))
    check("what it names", get("/list/a%20%3Cb%3E%20%26%20c.txt")[2] == b"in a list\n")


def outside():
    for path in ("/../secret/key", "/..", "/../", "/%2e%2e/secret/key", "/%2e%2e%2fsecret%2fkey", "/list/../../secret/key",
                 "/list/%2e./../secret/key", "/..%2fsecret/key", "/link-out", "/dir-out/key", "/dir-out/",
                 "/link-beside", "/../wwwevil/key", "//../secret/key", "/list/deep/../../../secret/key"):
        found = get(path)
        check(f"{path} leads out", found[0] == 404 and b"secret" not in found[2], found)


def ranges():
    size = len(big)
    for value, status, part in (
            ("bytes=0-9", 206, big[:10]), ("bytes=5-5", 206, big[5:6]), (f"bytes={size - 1}-", 206, big[-1:]),
            ("bytes=-7", 206, big[-7:]), (f"bytes=-{size + 5}", 206, big), (f"bytes=9-{size + 9}", 206, big[9:]),
            ("bytes=0-9 ", 206, big[:10]), ("bytes=-9223372036854775808", 206, big),
            ("bytes=-99999999999999999999999", 206, big), ("bytes=0-99999999999999999999999", 206, big),
            ("bytes=99999999999999999999999-", 416, None), (f"bytes={size}-", 416, None), ("bytes=-0", 416, None),
            ("bytes= -5-", 200, big), ("bytes=--5", 200, big), ("bytes=+1-2", 200, big), ("bytes=5-2", 200, big),
            ("bytes=0-1,3-4", 200, big), ("bytes=-", 200, big), ("bytes=x", 200, big), ("lines=0-9", 200, big),
            ("bytes=0x0-0x9", 200, big), ("", 200, big)):
        found = get("/big.txt", "Range: " + value)
        check(f"Range {value}", found[0] == status and (part is None or found[2] == part), (found[0], len(found[2])))
    check("416 tells the size", get("/big.txt", f"Range: bytes={size}-")[1].get("content-range") == f"bytes */{size}")
    check("206 tells the part", get("/big.txt", "Range: bytes=2-3")[1].get("content-range") == f"bytes 2-3/{size}")
    check("nothing of nothing", get("/empty.txt", "Range: bytes=0-")[0] == 416)
    check("If-Range", get("/big.txt", "Range: bytes=2-3", 'If-Range: "x"')[0] == 200)


def connections():
    one = b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect() as s:                    # in pieces, byte by byte
        answers = Answers(s)
        for byte in one:
            s.sendall(bytes([byte]))
        check("byte by byte", answers.next()[2] == b"the index\n")
        s.sendall(one * 200)                # pipelined
        check("200 at once", all(answers.next()[2] == b"the index\n" for _ in range(200)))
        s.sendall(b"GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + one)
        check("big ones at once", all(answers.next()[2] == big for _ in range(3)))
        check("and a small one", answers.next()[2] == b"the index\n")
        s.sendall(b"HEAD /big.txt HTTP/1.1\r\nHost: x\r\n\r\n" + one)
        check("HEAD, then GET", answers.next(True)[0] == 200 and answers.next()[2] == b"the index\n")
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + one)
        check("the last one", answers.next()[1]["connection"] == "close")
        check("nothing after it", answers.ended())
    with connect() as s:                    # HTTP/1.0
        answers = Answers(s)
        s.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        check("1.0 kept", answers.next()[1]["connection"] == "keep-alive")
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        check("1.0 closed", answers.next()[1]["connection"] == "close" and answers.ended())
    with connect() as s:                    # a body that is sent is not taken for a request
        answers = Answers(s)
        s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (20 * len(one)) + one * 20)
        check("405 arrives", answers.next()[0] == 405)
        check("and nothing else", answers.ended())


def never_reads():
    """Clients that ask for much and take nothing, that say nothing, that stop in a request: others are served."""
    silent = []
    for _ in range(10):
        s = connect()
        s.sendall(b"GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        silent.append(s)
    for _ in range(20):
        silent.append(connect())
        silent[-1].sendall(b"GET / HT")
    check("beside who never reads", get("/")[2] == b"the index\n")
    check("all of the big file", get("/big.txt")[2] == big)
    for s in silent:
        s.close()
    check("and after they have gone", get("/")[2] == b"the index\n")


def many(count):
    """As many connections at once, each served or, when the guest is too small for them, closed; one more is served."""
    one = b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"
    clients, served = [], 0
    global kept
    kept = None
    for _ in range(count):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(60)
        s.connect(address)
        clients.append(s)
    for s in clients:
        try:
            s.sendall(one)
            served += Answers(s).next()[2] == b"the index\n"
        except OSError:
            pass
    print("served", served, "of", count)
    check("many at once", served > 100, served)
    check("one more", ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[2] == b"the index\n")
    for s in clients:
        s.close()


connections()
never_reads()
if sys.argv[3] == "all":
    statuses()
    outside()
    ranges()
    many(int(os.environ.get("CLIENTS", "200")))
print(f"{failed} of {done} checks failed" if failed else f"all {done} checks hold")
sys.exit(failed != 0)
