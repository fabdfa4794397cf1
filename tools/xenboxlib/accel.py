# SPDX-License-Identifier: BSD-2-Clause
"""Which acceleration QEMU gets. Plain emulation unless KVM was asked for and has proved itself."""

import os

from .msg import Fail


def choose():
    choice = os.environ.get("XENBOX_ACCEL", "tcg")
    if choice not in ("tcg", "kvm", "auto"):
        raise Fail(f"XENBOX_ACCEL={choice}: use tcg, kvm or auto")
    return "tcg" if choice == "auto" else choice
