# SPDX-License-Identifier: BSD-2-Clause
"""Core files for the fuzzer to begin with, as small as they can be: cores.py DIRECTORY."""
import struct
import sys

PAGE = 4096
CONTEXT = 5168  # vcpu_guest_context_any_t (Xen: public/arch-x86/xen.h)
CR3 = 5008  # ctrlreg[3] in it


def header(sections_at, sections, segments_at, segments):
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, segments_at, sections_at, 0, 64, 56, segments, 64, sections,
                               max(sections - 1, 0))


def note(name, kind, body):
    return struct.pack("<III", len(name) + 1, len(body), kind) + (name + b"\0" * (4 - len(name) % 4)) + body + b"\0" * (-len(body) % 4)


def xen():
    """As `xl dump-core` writes: one page, which is each of its own page tables."""
    context = bytearray(CONTEXT)
    struct.pack_into("<Q", context, CR3, 100 * PAGE)
    page = struct.pack("<Q", 100 * PAGE | 7) * 16 + bytes(PAGE - 128)
    names = b"\0.note.Xen\0.xen_prstatus\0.xen_p2m\0.xen_pages\0.shstrtab\0"
    parts = [(b".note.Xen", note(b"Xen", 0x2000001, struct.pack("<QQQQ", 0xF00FEBED, 1, 1, PAGE))), (b".xen_prstatus", bytes(context)),
             (b".xen_p2m", struct.pack("<QQ", 0, 100)), (b".xen_pages", page), (b".shstrtab", names)]
    at = 64 + 64 * (len(parts) + 1)
    table, body = bytes(64), b""
    for name, data in parts:
        table += struct.pack("<IIQQQQIIQQ", names.index(name + b"\0"), 1, 0, 0, at + len(body), len(data), 0, 0, 0, 0)
        body += data + b"\0" * (-len(data) % 8)
    return header(64, len(parts) + 1, 0, 0) + table + body


def elf():
    """As Linux, gdb and our own `export` write: one thread, 64 bytes of memory."""
    status = bytearray(336)
    struct.pack_into("<Q", status, 112 + 16 * 8, 0x60000008)  # rip
    struct.pack_into("<Q", status, 112 + 19 * 8, 0x60000010)  # rsp
    notes = note(b"CORE", 1, bytes(status))
    at = 64 + 2 * 56
    segments = struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), 0, 4)
    segments += struct.pack("<IIQQQQQQ", 1, 7, at + len(notes), 0x60000000, 0, 64, 64, 1)
    return header(0, 0, 64, 2) + segments + notes + bytes(range(64))


for file, data in (("core-xen", xen()), ("core-elf", elf())):
    with open(f"{sys.argv[1]}/{file}", "wb") as out:
        out.write(data)
