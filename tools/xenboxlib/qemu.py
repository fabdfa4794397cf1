# SPDX-License-Identifier: BSD-2-Clause
"""QEMU: its command line, its acceleration, and what must be true of an image given to it."""

import ctypes
import os
import shutil
import signal
import struct

from .msg import Fail

BINARY = os.environ.get("XENBOX_QEMU", "qemu-system-x86_64")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_parent():
    """Run in the child between fork and exec: it gets SIGKILL when its parent thread ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.setpgid(0, 0)


def binary():
    found = shutil.which(BINARY)
    if not found:
        raise Fail(f"no {BINARY}: install the package qemu-system-x86")
    return found


def accelerator():
    choice = os.environ.get("XENBOX_ACCEL", "tcg")
    if choice not in ("tcg", "kvm", "auto"):
        raise Fail(f"XENBOX_ACCEL={choice}: use tcg, kvm or auto")
    return "tcg" if choice == "auto" else choice


def base(accel, ram, cpus, icount=False):
    """What every QEMU of ours has in common. SMAP kills dom0 under TCG, so it is off."""
    args = [binary(), "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "pc,hpet=on", "-m", str(ram)]
    if accel == "kvm":
        args += ["-accel", "kvm", "-cpu", "host", "-smp", str(cpus)]
    elif icount:
        args += ["-accel", "tcg,thread=single", "-cpu", "max,-smap,-smep", "-smp", "1",
                 "-icount", "shift=0,sleep=off"]
    else:
        args += ["-accel", "tcg,thread=multi", "-cpu", "max,-smap,-smep", "-smp", str(cpus)]
    return args


def check_image(path):
    """A guest image must be an ELF file for this machine, or one xl can unpack (gzip, xz, …)."""
    if not os.path.exists(path):
        raise Fail(f"{path}: no such image; build it first, or check the name")
    if not os.path.isfile(path):
        raise Fail(f"{path}: not a file; give the ELF image of a guest")
    try:
        with open(path, "rb") as f:
            head = f.read(0x210)
    except OSError as e:
        raise Fail(f"{path}: {e.strerror}; give a readable image")
    if head[:4] == b"\x7fELF":
        if len(head) < 64 or head[4] not in (1, 2) or head[5] != 1:
            raise Fail(f"{path}: a damaged ELF file; build it again")
        machine = struct.unpack_from("<H", head, 18)[0]
        if machine not in (3, 62):
            raise Fail(f"{path}: an ELF file for another processor (machine {machine}); "
                       "build it with stardust-cc")
        return
    if head[:2] == b"\x1f\x8b" or head[:6] == b"\xfd7zXZ\0" or head[0x202:0x206] == b"HdrS":
        return
    raise Fail(f"{path}: not an ELF image; build it with stardust-cc")
