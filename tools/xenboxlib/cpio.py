# SPDX-License-Identifier: BSD-2-Clause
"""A cpio archive (newc) made in memory: initrds with device nodes, without root."""

import stat


class Archive:
    def __init__(self):
        self.parts = []
        self.inode = 0

    def _entry(self, name, mode, data=b"", major=0, minor=0):
        self.inode += 1
        name = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
        self.parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def directory(self, name, mode=0o755):
        self._entry(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, mode, major, minor):
        self._entry(name, mode, b"", major, minor)

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self.parts)
