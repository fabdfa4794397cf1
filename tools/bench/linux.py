# SPDX-License-Identifier: BSD-2-Clause
"""The Linux guest: Debian's kernel with nothing but a benchmark program and the modules it needs in its initrd."""

import glob
import gzip
import lzma
import os
import pathlib
import struct
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from xenboxlib import cpio, kmod  # noqa: E402

S_IFCHR = 0o020000


def vmlinux(vmlinuz):
    """The ELF kernel inside a bzImage, or the file as it is when it is packed in another way.

    xl could unpack it each time, before the guest begins; that would only cost us minutes."""
    with open(vmlinuz, "rb") as f:
        image = f.read()
    if image[0x202:0x206] != b"HdrS":
        return image
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    begin = (sectors + 1) * 512 + offset
    payload = image[begin:begin + length]
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    if payload[:2] == b"\x1f\x8b":
        return gzip.decompress(payload[:-4])
    return image


def packed_bytes(packages):
    """How long Debian's vmlinuz is, 0 when its package is not in this folder: the box keeps it unpacked."""
    length = 0
    for package in glob.glob(os.path.join(packages, "linux-image-*.deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpack:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as files:
                length = next((f.size for f in files if f.name.startswith("./boot/vmlinuz-")), length)
            unpack.kill()
    return length


def initrd(program, modules=(), tree=None):
    """program: the first process. modules: names of what it loads first, found below the folder `tree`."""
    archive = cpio.Archive()
    archive.directory("dev")
    archive.node("dev/console", S_IFCHR | 0o600, 5, 1)
    with open(program, "rb") as f:
        archive.file("init", f.read(), 0o755)
    if modules:
        archive.directory("modules")
        order = kmod.closure(pathlib.Path(tree), modules)
        for path in order:
            archive.file(f"modules/{path.name}", kmod.contents(path), 0o644)
        archive.file("modules/order", "".join(f"{path.name}\n" for path in order).encode(), 0o644)
    return gzip.compress(archive.bytes(), 9, mtime=0)


def configuration(kernel, ramdisk, quiet, argument=""):
    """quiet: the first line of the console is the program's, not the kernel's. argument: the program's."""
    return [f'kernel = "{kernel}"', f'ramdisk = "{ramdisk}"',
            f'extra = "console=hvc0 {"quiet " if quiet else ""}panic=-1 rdinit=/init -- {argument}"']
