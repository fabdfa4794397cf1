# SPDX-License-Identifier: BSD-2-Clause
"""Rows of disks and files. Each guest has the same two images, made anew for it, behind dom0's blkback.

A module of rows that has a program of its own in a box of its own has what this one has: PROGRAM, MODULES (of the
Linux guest), make_rows(), measure()."""

from box import Failed
from report import Row, take

MIB = 1 << 20
TICKS_PER_SECOND = 1e9
PROGRAM = "disk"
MODULES = ("xen-blkfront", "crc32c_generic", "ext4")
SECONDS = 120
RAW, EXT4 = "/tmp/bench-raw.img", "/tmp/bench-ext4.img"
MAKE = f"""set -e
for image in {RAW} {EXT4}; do rm -f $image; dd if=/dev/zero of=$image bs=1M count=24 2>/dev/null; done
mke2fs -q -F -t ext4 -b 4096 {EXT4}"""

# Requests: what they are called, the unit, and how many times Linux's figure ours shall be.
REQUESTS = {
    "seq": ("disk, 1 MiB, depth 1", "MiB/s", 1.6),
    "single": ("disk, random 4 KiB, depth 1", "1/s", 1.9),
    "threads": ("disk, random 4 KiB, 32 threads", "1/s", 2.6),
    "async": ("disk, random 4 KiB, 32 at once", "1/s", 2.6),
}
TIMES = {f"{key}_{way}": times for key, (_, _, times) in REQUESTS.items() for way in ("read", "write")}
FILE_TIMES = {"create": 1.2, "cached": 5, "open_close": None}


def make_rows():
    rows = {"image_ext4": Row("image size of hello with ext4", "bytes", goal=450_000)}
    for key, (name, unit, _) in REQUESTS.items():
        for way in ("read", "write"):
            rows[f"{key}_{way}"] = Row(f"{name}: {way}", unit, less=False)
    rows["create"] = Row("4 KiB file: create, write, fsync, close", "instr")
    rows["cached"] = Row("read() of 4 KiB in memory", "instr")
    rows["open_close"] = Row("open + close of a path known", "instr", goal=600)
    return rows


def guest(bench, who, part):
    status, text = bench.box.execute("sh", "-c", MAKE)
    if status:
        raise Failed(f"the disks could not be made: {text.strip()}")
    how = {"options": "mount=/dev/xvdb:/mnt:ext4"} if who == "stardust" else {}
    return bench.program(who, PROGRAM, argument=part, seconds=SECONDS, **how,
                         lines=[f"disk = [ '{RAW},raw,xvda,w', '{EXT4},raw,xvdb,w' ]"])


def samples(run, key):
    ticks = run.report(key)
    return [TICKS_PER_SECOND / t for t in ticks] if key in TIMES else ticks


def measure(bench):
    for part, aims in (("raw", TIMES), ("files", FILE_TIMES)):
        for who in ("stardust", "linux"):
            try:
                run = guest(bench, who, part)
                bench.see_ruler(run)
            except Failed as why:
                bench.fail_all(who, aims, why)
                continue
            for key in aims:
                take(bench.rows[key], who, lambda run=run, key=key: samples(run, key))
        for key, times in aims.items():
            if times:
                bench.rows[key].aim_at_linux(times)
