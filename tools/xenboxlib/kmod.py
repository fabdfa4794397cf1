# SPDX-License-Identifier: BSD-2-Clause
"""Kernel modules: which ones a list of names needs, in an order that loads."""

import lzma
import re

from .msg import Fail


def _index(tree):
    return {re.sub(r"\.ko(\.xz)?$", "", p.name).replace("-", "_"): p
            for p in tree.rglob("*.ko*")}


def contents(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.name.endswith(".xz") else data


def _depends(path):
    found = re.search(rb"\0depends=([^\0]*)\0", contents(path))
    return [d for d in found.group(1).decode().split(",") if d] if found else []


def closure(tree, names):
    """Paths of the modules `names` and all they need, each after what it needs. A name that is
    built into the kernel (so is no file) is left out."""
    index, order, seen = _index(tree), [], set()

    def visit(name, needed_by):
        name = name.replace("-", "_")
        if name in seen:
            return
        seen.add(name)
        if name not in index:
            if needed_by:
                raise Fail(f"kernel module {name} (for {needed_by}) is not in the kernel package")
            return
        for other in _depends(index[name]) + _soft(index[name], index):
            visit(other, name)
        order.append(index[name])

    for name in names:
        visit(name, None)
    return order


def _soft(path, index):
    """Modules asked for by name at run time (checksums for ext4, for one)."""
    found = re.findall(rb"\0softdep=pre: ([^\0]*)\0", contents(path))
    names = [n.replace("-", "_") for text in found for n in text.decode().split()]
    return [n for n in names if n in index]


def copy(tree, where, order):
    """A small /lib/modules/VERSION: the chosen modules unpacked, and modules.dep for modprobe."""
    (where / "kernel").mkdir(parents=True)
    place = {}
    for path in order:
        name = re.sub(r"\.xz$", "", path.name)
        (where / "kernel" / name).write_bytes(contents(path))
        place[re.sub(r"\.ko$", "", name).replace("-", "_")] = f"kernel/{name}"
    lines = []
    for path in order:
        name = re.sub(r"\.ko(\.xz)?$", "", path.name).replace("-", "_")
        needs = []

        def gather(module):
            for other in _depends(module):
                other = other.replace("-", "_")
                target = next(p for p in order
                              if re.sub(r"\.ko(\.xz)?$", "", p.name).replace("-", "_") == other)
                if place[other] not in needs:
                    needs.append(place[other])
                    gather(target)
        gather(path)
        lines.append(f"{place[name]}: {' '.join(needs)}".rstrip() + "\n")
    (where / "modules.dep").write_text("".join(lines))
    for extra in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        if (tree / extra).exists():
            (where / extra).write_bytes((tree / extra).read_bytes())
