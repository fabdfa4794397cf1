# SPDX-License-Identifier: BSD-2-Clause
"""In a real dom0: guests by the host's own xl, with guestrun as in a box."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import subprocess

from . import box as boxes
from . import client, guard, image, paths
from .msg import Fail
from .run import Keys, Report, conclude, guestrun_args, person_at_keyboard

CAPABILITIES = "/proc/xen/capabilities"


def wanted(args):
    """In a real dom0: unless BOX, or an option that only a box has a meaning for, wants a box."""
    choice = os.environ.get("BOX", "")
    if choice not in ("", "qemu"):
        raise Fail(f"BOX={choice}: unset it, or say BOX=qemu for the box", status=2)
    if choice == "qemu" or args.named or args.ram or args.icount:
        return False
    with contextlib.suppress(OSError):
        return "control_d" in pathlib.Path(CAPABILITIES).read_text()
    return False


def run(guest):
    if os.geteuid() != 0:
        raise Fail("this is a real dom0 and xl needs root: use sudo, or BOX=qemu for the box")
    if not shutil.which("xl"):
        raise Fail("this is a real dom0 without xl: install xen-utils, or use BOX=qemu for the box")
    program = paths.BOX / "bin" / "guestrun"
    image.ensure(program)
    logs = boxes.new_logs("host")
    cfg = guest.cfg(os.path.abspath(guest.image), guest.ramdisk and os.path.abspath(guest.ramdisk),
                    guest.disks, None)
    person = person_at_keyboard()
    report = Report(logs, guest.name)
    argv = [str(program), *guestrun_args(guest, False, person, None), "--", guest.name, cfg]
    try:
        status = converse(argv, person, report)
        return conclude(guest, status, report, logs, lambda: collect_xen_messages(logs),
                        on_host=True)
    finally:
        boxes.note_end(logs, "the run ended")


def collect_xen_messages(logs):
    with contextlib.suppress(OSError), open(logs / "xl-dmesg.log", "wb") as f:
        subprocess.run(["xl", "dmesg"], stdin=subprocess.DEVNULL, stdout=f,
                       stderr=subprocess.DEVNULL)


def converse(argv, person, report):
    """Like the talk with a box, with a child in place of the agent. It has pipes of its own, as it
    must not block, and what we got is shared with whoever called us."""
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, bufsize=0,
                             preexec_fn=guard.die_with_parent(signal.SIGTERM))
    terminal = client.raw_terminal(0, keep_output=True) if person else contextlib.nullcontext()
    try:
        with Keys(person) as keys, terminal:
            carry(child, keys, report)
        return child.wait()
    finally:
        for pipe in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        if child.poll() is None:
            child.terminate()
            child.wait()


def carry(child, keys, report):
    """Carry bytes until the child has closed its output and its errors."""
    sinks = {child.stdout.fileno(): client.to_stdout, child.stderr.fileno(): report.feed}
    source = client.stdin_fd()
    into, pending = child.stdin.fileno(), b""
    os.set_blocking(into, False)
    if source == b"":
        source = None
        child.stdin.close()
    while sinks:
        keys.before_wait(None)
        poll = select.poll()
        for fd in (*sinks, keys.reader):
            poll.register(fd, select.POLLIN)
        if pending:
            poll.register(into, select.POLLOUT)
        elif source is not None:
            poll.register(source, select.POLLIN)
        ready = dict(poll.poll())
        for fd in [fd for fd in sinks if fd in ready]:
            data = os.read(fd, 65536)
            if data:
                sinks[fd](data)
            else:
                del sinks[fd]
        if source in ready:
            pending = read_input(source)
            if not pending:
                source = None
                child.stdin.close()
            pending = keys.filter_input(pending)
        if pending:
            try:
                pending = pending[os.write(into, pending):]
            except BlockingIOError:
                pass
            except OSError:             # the guest has ended
                source, pending = None, b""


def read_input(fd):
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
