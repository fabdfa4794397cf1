# SPDX-License-Identifier: BSD-2-Clause
"""Where things are: the sources of the box, what is built from them, run state and logs."""

import os
import pathlib
import sys


def _sources():
    return pathlib.Path(os.path.realpath(__file__)).parent.parent


def _build():
    """The build directory: $XENBOX_BUILD, or the one this command was called from
    (BUILD/bin/xenbox), or `build` beside tools/; installed, a cache directory of the user's."""
    if os.environ.get("XENBOX_BUILD"):
        return pathlib.Path(os.environ["XENBOX_BUILD"]).absolute()
    called = pathlib.Path(sys.argv[0]).absolute()
    above = called.parent.parent
    if called.is_symlink() and called.parent.name == "bin" and (above / "box").is_dir():
        return above
    if (TOOLS.parent / "Makefile").exists() or (TOOLS.parent / ".git").exists():
        return TOOLS.parent / "build"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "stardust"


TOOLS = _sources()                      # tools/ of the tree, or share/stardust when installed
SRC = TOOLS / "box"                     # agent, runner, init script, package list
BUILD = _build()
BOX = BUILD / "box"                     # everything built for the box
APT = BUILD / "apt"
LOGS = BUILD / "logs"
RUN = pathlib.Path(os.environ["XENBOX_DIR"]).absolute() if os.environ.get("XENBOX_DIR") \
    else BOX / "run"

XEN = BOX / "xen"
VMLINUZ = BOX / "vmlinuz"
INITRD = BOX / "initrd"
ROOT = BOX / "root.img"
SAVED = BOX / "saved"
LINUX_GUEST = BOX / "linux-guest"
