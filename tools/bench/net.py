# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the network: both guests with the same peer in dom0, on a bridge of their own. disks.py says what a module of
rows consists of."""

import os
import re

from box import Failed, last_line
from report import Row, take

PROGRAM = "net"
MODULES = ("xen-netfront",)
TICKS_PER_MS = 1e6
SECONDS = 120
MEMORY = {"stardust": 32, "linux": 128}
GUEST, PEER, MAC = "10.0.9.2", "10.0.9.1", "00:16:3e:00:09:02"
VIF = f'vif = [ "bridge=benchbr0,mac={MAC}" ]'
HTTP_CLIENTS, HTTP_SECONDS = 16, 1

# How many times better than Linux: what net.c reports, what HTTP is like.
TIMES = {"net_bulk_send": 1.05, "net_bulk_receive": 1.05, "net_datagrams_send": 2, "net_datagrams_receive": 2,
         "net_trip_tcp": 1 / 0.6, "net_trip_udp": 1 / 0.6, "net_connect": 1 / 0.57}
HTTP_TIMES = {"net_first": 20, "net_http": 1.3}
SPREAD_VCPUS = 2
TLS_HANDSHAKES, TLS_TIMES = 100, {"net_tls": 1}


def make_rows():
    return {
        "net_bulk_send": Row("TCP, guest to dom0", "MiB/s", less=False),
        "net_bulk_receive": Row("TCP, dom0 to guest", "MiB/s", less=False),
        "net_datagrams_send": Row("UDP of 64 bytes, guest to dom0", "1/s", less=False),
        "net_datagrams_receive": Row("UDP of 64 bytes, dom0 to guest", "1/s", less=False),
        "net_trip_tcp": Row("TCP round trip", "us", digits=1),
        "net_trip_udp": Row("UDP round trip", "us", digits=1),
        "net_connect": Row("TCP connect", "us", digits=1),
        "net_ready": Row("unpause to network ready", "ms", goal=6, digits=2),
        "net_first": Row("unpause to first HTTP answer", "ms", digits=2),
        "net_http": Row("HTTP requests, httpd beside nginx", "1/s", less=False),
        "net_http_spread": Row(f"HTTP, {SPREAD_VCPUS} vCPUs by 1: their time alone", "×", less=False, digits=2),
        "net_tls": Row("TLS handshakes, https beside nginx", "1/s", less=False, digits=1),
    }


def prepare(bench):
    """The peer, and what the HTTP servers need, in dom0."""
    tools = os.path.dirname(os.path.abspath(__file__))
    for path, name in ((bench.path("bench", "net-peer"), "net-peer"),
                       (os.path.join(tools, "net-guest"), "net-guest"),
                       (os.path.join(tools, "linux-httpd"), "linux-httpd"),
                       (bench.path("examples", "httpd", "httpd"), "httpd"),
                       (bench.path("examples", "httpd", "httpd.cpio"), "httpd.cpio"),
                       (os.path.join(tools, "..", "..", "examples", "httpd", "root", "index.html"), "index.html"),
                       (bench.path("examples", "https", "https"), "https"),
                       (bench.path("examples", "https", "https.cpio"), "https.cpio"),
                       (bench.path("examples", "https", "root", "tls", "cert.pem"), "cert.pem"),
                       (bench.path("examples", "https", "root", "tls", "key.pem"), "key.pem"),
                       (os.path.join(tools, "tls.py"), "tls.py"),
                       (bench.path("box", "linux-guest", "initrd"), "linux-guest.initrd")):
        if not os.path.exists(path):
            raise Failed(f"{path} is missing")
        bench.box.push(path, f"/tmp/{name}")
    status, text = bench.box.execute("/tmp/net-guest", "prepare", PEER)
    if status:
        raise Failed(f"net-guest prepare: {last_line(text)}")


def calls(bench, who):
    """net.c in either guest."""
    try:
        how = {"options": f"ip={GUEST}/24"} if who == "stardust" else {}
        run = bench.program(who, PROGRAM, argument=f"{GUEST} {PEER}", seconds=SECONDS, lines=[VIF], **how)
        bench.see_ruler(run)
    except Failed as why:
        bench.fail_all(who, (*TIMES, "net_ready"), why)
        return
    for key in TIMES:
        take(bench.rows[key], who, lambda key=key: run.report(key))
    take(bench.rows["net_ready"], who, lambda: [(run.report("net_ready")[0] - run.unpause) / TICKS_PER_MS])


def server(who, vcpus=1, tls=False):
    """The configuration of a guest that serves HTTP, and perhaps HTTPS."""
    lines = ['name = "bench-http"', f"memory = {MEMORY[who]}", f"maxmem = {MEMORY[who]}", f"vcpus = {vcpus}",
             'tsc_mode = "native"', 'on_poweroff = "destroy"', 'on_reboot = "destroy"', 'on_crash = "destroy"', VIF]
    if who == "stardust":
        name = "https" if tls else "httpd"
        return [*lines, f'kernel = "/tmp/{name}"', f'ramdisk = "/tmp/{name}.cpio"', f'extra = "ip={GUEST}/24"']
    return [*lines, 'kernel = "/tmp/vmlinux"', 'ramdisk = "/tmp/linux-http.initrd"',
            'extra = "console=hvc0 quiet panic=-1 rdinit=/init '
            f'do=ifconfig eth0 {GUEST}; /usr/sbin/nginx -c /etc/nginx{"-tls" if tls else ""}.conf"']


def serve(bench, who, vcpus=1):
    """(milliseconds from unpause to the first answer, requests a second, nanoseconds of all vCPUs for a request)"""
    status, text = bench.box.execute("/tmp/net-guest", "http", GUEST, MAC, str(HTTP_CLIENTS), str(HTTP_SECONDS),
                                     "\n".join(server(who, vcpus)), seconds=240)
    found = dict(re.findall(r"^(?:bench )?(unpause|first|http|http_cpu) ([\d. ]+)$", text, re.M))
    if status or len(found) != 4:
        raise Failed(f"status {status}: {last_line(text)}")
    return ((float(found["first"]) - float(found["unpause"])) / TICKS_PER_MS, float(found["http"]),
            sum(map(float, found["http_cpu"].split())))


def tls(bench, who):
    """Handshakes a second."""
    bench.say(f"{who.capitalize()}: TLS")
    status, text = bench.box.execute("/tmp/net-guest", "tls", GUEST, MAC, str(TLS_HANDSHAKES), "\n".join(server(who, tls=True)),
                                     seconds=240)
    found = re.search(r"^bench tls ([\d.]+)$", text, re.M)
    if status or not found:
        raise Failed(f"status {status}: {last_line(text)}")
    return [float(found[1])]


def http(bench, who):
    bench.say(f"{who.capitalize()}: HTTP")
    try:
        first_ms, requests, one_ns = serve(bench, who)
    except Failed as why:
        bench.fail_all(who, (*HTTP_TIMES, "net_http_spread"), why)
        return
    bench.rows["net_first"].add(who, [first_ms])
    bench.rows["net_http"].add(who, [requests])
    bench.say(f"{who.capitalize()}: HTTP with {SPREAD_VCPUS} vCPUs")
    take(bench.rows["net_http_spread"], who, lambda: [SPREAD_VCPUS * one_ns / serve(bench, who, SPREAD_VCPUS)[2]])


def measure(bench):
    try:
        prepare(bench)
    except Failed as why:
        for who in ("stardust", "linux"):
            bench.fail_all(who, (*TIMES, "net_ready", *HTTP_TIMES, "net_http_spread", *TLS_TIMES), why)
        return
    for who in ("stardust", "linux"):
        calls(bench, who)
        http(bench, who)
        take(bench.rows["net_tls"], who, lambda who=who: tls(bench, who))
    for key, times in {**TIMES, **HTTP_TIMES, **TLS_TIMES}.items():
        bench.rows[key].aim_at_linux(times)
