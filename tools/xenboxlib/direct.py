# SPDX-License-Identifier: BSD-2-Clause
"""xenbox direct: a PV kernel as Xen's initial domain, with no Linux at all.

About two seconds to the first line. There is no xenstore and no back end, and the console is the
CONSOLEIO hypercall; good for everything below the drivers."""

import os
import re
import select
import subprocess
import time

from . import accel, guard, image, qemu
from .msg import Fail

# Xen's last words, and the status they mean when the guest left no line of its own.
ENDS = (
    (re.compile(rb"Hardware Dom0 halted"), 0),
    (re.compile(rb"Hardware Dom0 shutdown: rebooting"), 0),
    (re.compile(rb"Hardware Dom0 crashed"), 139),
    (re.compile(rb"Domain 0 crashed|Dom0 crashed"), 139),
    (re.compile(rb"Panic on CPU \d+:"), 139),
    (re.compile(rb"Hardware Dom0 (watchdog|shutdown)"), 139),
)
STATUS = re.compile(rb"stardust: (?:exit (\d+)|killed by signal (\d+))")


class Watcher:
    """Reads the serial port, shows it, and knows when the domain has ended and how.

    Xen's own start is kept back, and shown only when the domain never came to be built."""

    def __init__(self, quiet, boot):
        self.quiet = quiet
        self.kept = None if boot else []
        self.rest = b""
        self.shown = 0          # bytes of `rest` that were written already
        self.ended = None
        self.status = None

    def feed(self, data):
        out = []
        self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            # Xen's serial port adds a carriage return to each line.
            out.append(self.line(line.rstrip(b"\r") + b"\n")[self.shown:])
            self.shown = 0
        # A prompt without a newline is worth showing; what may be a line of Xen's waits.
        if self.kept is None and self.rest and not self.rest.startswith((b"(", b"\r")):
            visible = self.rest.rstrip(b"\r")
            out.append(visible[self.shown:])
            self.shown = len(visible)
        os.write(1, b"".join(out))

    def line(self, line):
        found = STATUS.search(line)
        if found:
            self.status = int(found[1]) & 255 if found[1] else 128 + int(found[2])
        from_xen = line.startswith((b"(XEN)", b"\r(XEN)", b" Xen "))
        # Behind a guest's line without an end Xen's begins in the middle.
        if b"(XEN)" in line:
            for pattern, status in ENDS:
                if pattern.search(line) and self.ended is None:
                    self.ended = status
        return self.visible(line, from_xen)

    def visible(self, line, from_xen):
        if self.kept is not None:
            if b"Building a PV Dom0" in line:
                self.kept = None
            elif self.ended:
                line = b"".join(self.kept) + line
                self.kept = None
            else:
                self.kept.append(line)
                return b""
        return b"" if self.quiet and from_xen and not self.ended else line

    def result(self):
        """A crash counts as one even after the guest announced an exit."""
        if self.status is None or (self.ended and self.status < 128):
            return self.ended
        return self.status


def command(args, acceleration):
    memory = args.memory
    xen_args = ["console=com1", "com1=115200,8n1", "dom0=pv", f"dom0_mem={memory}M,max:{memory}M",
                f"dom0_max_vcpus={args.vcpus}", "dom0_vcpus_pin", "noreboot", "bootscrub=off",
                "loglvl=all", "guest_loglvl=all", qemu.EAGER_FPU, *args.xen]
    guest = args.image
    if any(c in guest for c in ", \t"):
        raise Fail(f"{guest}: QEMU cannot load a file with a comma or blank in its path: copy it")
    initrd = " ".join([guest] + ([args.extra] if args.extra else [])).replace(",", ",,")
    if args.ramdisk:
        initrd += "," + args.ramdisk
    return qemu.base(acceleration, memory + 256, args.vcpus, args.icount) + [
        "-serial", "stdio", "-monitor", "none", "-nic", "none",
        "-kernel", str(image.need_hypervisor()), "-append", " ".join(xen_args),
        "-initrd", initrd, *args.qemu]


def run(args):
    qemu.check_image(args.image)
    if args.ramdisk and not os.path.isfile(args.ramdisk):
        raise Fail(f"{args.ramdisk}: no such file; name an existing archive for --ramdisk")
    guard.start()
    child = subprocess.Popen(command(args, accel.choose()), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=guard.die_with_parent())
    try:
        return watch(child, args)
    finally:
        child.kill()
        child.wait()


def watch(child, args):
    watcher = Watcher(args.quiet, args.verbose)
    deadline = time.monotonic() + args.timeout
    errors = b""
    poll = select.poll()
    poll.register(child.stdout, select.POLLIN)
    poll.register(child.stderr, select.POLLIN)
    grace = None
    while True:
        left = (grace or deadline) - time.monotonic()
        if left <= 0:
            if grace:
                break
            raise Fail(f"{args.image}: no end within {args.timeout:g} s (--timeout)", status=124)
        for fd, _ in poll.poll(left * 1000):
            data = os.read(fd, 65536)
            if not data:
                poll.unregister(fd)
                if fd == child.stdout.fileno():
                    return finish(child, watcher, errors)
            elif fd == child.stderr.fileno():
                errors += data
            else:
                watcher.feed(data)
        # What Xen prints after its last word (registers, a call trace) is worth a moment.
        if watcher.ended is not None and grace is None:
            grace = time.monotonic() + (0.5 if watcher.ended else 0.05)
    return watcher.result()


def finish(child, watcher, errors):
    code = child.wait()
    if watcher.ended is None and (code or errors):
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or [f"status {code}"]
        raise Fail(f"QEMU ended early: {last[0]}")
    return watcher.result() or 0
