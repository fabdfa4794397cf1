# SPDX-License-Identifier: BSD-2-Clause
"""Saved boxes: a booted dom0 as a memory file and QEMU's device state, to start others from.

The box that is saved has its memory in a file shared with that file; so the memory needs no
copying. Boxes started from it map the same file privately: what they do not change they share, and
nothing is read before it is touched."""

import os
import shutil
import time

from . import box as boxes
from . import image, msg, paths, qemu, wire
from .msg import Fail


STATES_KEPT = 4


def key(spec):
    built = [open(f"{p}.key").read() for p in (paths.XEN, paths.VMLINUZ, paths.INITRD, paths.ROOT)]
    host = ""
    if spec.accel == "kvm":
        cpu = open("/proc/cpuinfo").read().split("\n\n")[0]
        host = os.uname().release + cpu.split("cpu MHz")[0]
    parts = [*built, *qemu.XEN_ARGS, *qemu.DOM0_ARGS, qemu.version(), spec.accel, str(spec.ram),
             str(spec.cpus), str(spec.icount), host, str(paths.ROOT)]
    code = paths.TOOLS / "xenboxlib" / "qemu.py"
    return image.fingerprint(image.fingerprint(*built), *parts, code)


def have(spec, name):
    """The directory of a saved state for this kind of box, made now if need be; None if there
    cannot be one (the reason was said)."""
    if os.environ.get("XENBOX_SAVED") == "no":
        return None
    place = paths.SAVED / key(spec)
    if not (place / "devices").exists():
        try:
            _make(spec, place)
        except (Fail, wire.Gone, TimeoutError) as e:
            msg.note(f"cannot save a booted box: {e or 'it takes too long'}")
            return None
    with open(spec.logs / "xen.log", "wb") as log:
        with open(place / "xen.log", "rb") as boot:
            shutil.copyfileobj(boot, log)
    os.utime(place)
    return place


def drop(place):
    shutil.rmtree(place, ignore_errors=True)


def _clean(keep):
    """Let go of all but the states used last, and of what no box can be started from. Boxes that
    run are not disturbed: they have their file open."""
    states = [old for old in paths.SAVED.iterdir() if old != keep]
    states.sort(key=lambda old: old.stat().st_mtime, reverse=True)
    whole = [old for old in states if (old / "devices").exists()]
    for old in states:
        if old not in whole[:STATES_KEPT - 1]:
            drop(old)


def _make(spec, place):
    import fcntl
    paths.SAVED.mkdir(parents=True, exist_ok=True)
    fd = os.open(paths.SAVED, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if (place / "devices").exists():
            return
        image.check_space(1024)
        _clean(place)
        temporary = paths.SAVED / f"new.{os.getpid()}"
        drop(temporary)
        temporary.mkdir()
        try:
            with msg.Progress("booting Xen and dom0, once, and saving them"):
                _boot_and_save(spec, temporary)
            drop(place)
            temporary.rename(place)
        finally:
            drop(temporary)
    finally:
        os.close(fd)


def _boot_and_save(spec, temporary):
    name = f"save-{os.getpid()}"
    directory, lock = boxes.claim(name)
    box = boxes.Box(name, boxes.start_keeper(directory, lock, spec, "save", save_to=temporary),
                    spec.logs)
    try:
        talk = box.talk(spec.boot_seconds())
        # Hot caches and quiet daemons: what every box needs first is done once, before saving.
        status, out, err = talk.run(["/box/settle"], seconds=spec.boot_seconds())
        if status:
            (spec.logs / "settle.log").write_bytes(out + err)
            msg.warn(f"the first guest in a new box failed; log: "
                     f"{msg.nice_path(spec.logs / 'settle.log')}")
        talk.close()
        with qemu.Monitor(directory, seconds=60) as monitor:
            monitor.ignore_shared()
            monitor.do("migrate", uri="exec:cat >devices")
            while True:
                status = monitor.do("query-migrate").get("status")
                if status in ("completed", "failed", "cancelled"):
                    break
                time.sleep(0.02)
            if status != "completed":
                raise Fail(f"QEMU could not save its state ({status})", log=spec.logs)
        shutil.move(directory / "devices", temporary / "devices")
        shutil.copy(spec.logs / "xen.log", temporary / "xen.log")
    finally:
        box.end()
