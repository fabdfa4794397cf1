# SPDX-License-Identifier: BSD-2-Clause
"""Which acceleration QEMU gets. Plain emulation, unless KVM was asked for and has proved itself: a
/dev/kvm that is there may still not run Xen."""

import os
import subprocess

from . import guard, image, paths, qemu
from .msg import Fail, Progress

PROBE_SECONDS = 20


def choose():
    choice = os.environ.get("XENBOX_ACCEL", "tcg")
    if choice not in ("tcg", "kvm", "auto"):
        raise Fail(f"XENBOX_ACCEL={choice}: use tcg, kvm or auto")
    if choice == "tcg":
        return "tcg"
    if _works():
        return "kvm"
    if choice == "kvm":
        raise Fail("XENBOX_ACCEL=kvm, but Xen does not boot with KVM on this machine: unset it")
    return "tcg"


def _works():
    """The real thing, once per kernel and QEMU: Xen, and a PV Linux as its initial domain until
    that has started its first program."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    image.ensure()
    cache = paths.BOX / "kvm-probe"
    key = image.fingerprint(os.uname().release, os.uname().version, qemu.version())
    try:
        known, answer = cache.read_text().split()
        if known == key:
            return answer == "yes"
    except (OSError, ValueError):
        pass
    with Progress("trying whether Xen runs with KVM here"):
        answer = _probe()
    cache.write_text(f"{key} {'yes' if answer else 'no'}\n")
    return answer


def _probe():
    """dom0 without a root image stops with a message of our own first program: that is enough."""
    command = qemu.base("kvm", 1024, 2) + [
        "-serial", "stdio", "-nic", "none", "-kernel", str(paths.XEN),
        "-append", "console=com1 com1=115200,8n1 dom0=pv dom0_mem=512M noreboot",
        "-initrd", "vmlinuz console=hvc0 quiet panic=-1,initrd"]
    try:
        done = subprocess.run(command, cwd=paths.BOX, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=PROBE_SECONDS,
                              preexec_fn=guard.die_with_parent())
        return b"box: cannot mount the root image" in done.stdout
    except subprocess.TimeoutExpired:
        return False
