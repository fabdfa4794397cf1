# SPDX-License-Identifier: BSD-2-Clause
"""Building the box: hypervisor, kernel, initrd and dom0's root image, from Debian packages."""

import fcntl
import gzip
import os
import shutil
import subprocess
import tempfile

from . import debs, paths
from .msg import Fail, Progress

HYPERVISOR = "xen-system-amd64/xen-hypervisor-[0-9.]+-amd64"


class Lock:
    """One builder at a time; the others wait and then find the work done."""

    def __enter__(self):
        paths.BOX.mkdir(parents=True, exist_ok=True)
        self.fd = os.open(paths.BOX / "build.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        os.close(self.fd)


def publish(temporary, final):
    """Give a finished file its name: readers see the old one or the new one, never half of one."""
    os.replace(temporary, final)


def work_dir():
    """A directory for half-made things, on the file system of the results."""
    return tempfile.TemporaryDirectory(prefix="tmp.", dir=paths.BOX)


def need_hypervisor():
    if paths.XEN.exists():
        return paths.XEN
    with Lock():
        if not paths.XEN.exists():
            build_hypervisor()
    return paths.XEN


def build_hypervisor():
    deb, = debs.fetch([HYPERVISOR])
    with work_dir() as tmp, Progress("unpacking the hypervisor", always=True):
        debs.unpack(deb, tmp)
        import glob
        packed = sorted(glob.glob(f"{tmp}/boot/xen-*.gz"))
        if not packed:
            raise Fail(f"{deb.name} holds no /boot/xen-*.gz: unexpected package layout")
        with gzip.open(packed[0]) as src, open(f"{tmp}/xen", "wb") as dst:
            shutil.copyfileobj(src, dst)
        publish(f"{tmp}/xen", paths.XEN)
