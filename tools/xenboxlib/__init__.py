# SPDX-License-Identifier: BSD-2-Clause
"""The box: real Xen and a Linux dom0 inside QEMU, and the verbs of the xenbox command."""
