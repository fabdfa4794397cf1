# SPDX-License-Identifier: BSD-2-Clause
"""A box: one QEMU, its run directory, and the process that looks after both.

Every running box has a directory in build/box/run, whose file `lock` is locked by the box's keeper.
So a directory with a free lock belongs to nobody and is removed by whoever finds it. The keeper is
QEMU's parent; QEMU dies with it by the kernel's hand, and the keeper ends when its owner (a `run`
with a box of its own) does."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

from . import guard, image, msg, paths, qemu, wire
from .msg import Fail

BOOT_SECONDS = 90
ICOUNT_FACTOR = 10
LOGS_KEPT = 40


class Spec:
    """What a box is made of; equal specs may start from the same saved state."""

    def __init__(self, accel="tcg", ram=None, cpus=2, icount=False):
        self.accel = "tcg" if icount else accel
        self.ram = ram or default_ram()
        self.cpus = 1 if icount else cpus
        self.icount = icount
        self.logs = None

    def boot_seconds(self):
        return BOOT_SECONDS * (ICOUNT_FACTOR if self.icount else 1)


def host_ram():
    with open("/proc/meminfo") as f:
        return int(re.search(r"MemTotal:\s+(\d+)", f.read())[1]) >> 10


def default_ram():
    """MiB. The host gives memory only when it is touched, so this is a limit, not a cost; but a
    small host should not promise what it has not."""
    total = host_ram()
    return 6144 if total >= 7000 else 3072 if total >= 3500 else 2048


# --- directories and locks -----------------------------------------------------------------------

def valid_name(name, of="a box"):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}", name):
        raise Fail(f"{name!r} is no name for {of}: use letters, digits, dot, - and _", status=2)
    return name


@contextlib.contextmanager
def registry():
    """The right to make and remove run directories."""
    paths.RUN.mkdir(parents=True, exist_ok=True)
    fd = os.open(paths.RUN, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def lock_of(directory):
    """The lock of a run directory, taken: a descriptor; or None while a keeper holds it."""
    fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except OSError:
        os.close(fd)
        return None


def sweep():
    """Remove what boxes left that were killed together with their keepers."""
    with registry():
        for directory in paths.RUN.iterdir():
            if directory.is_dir():
                fd = lock_of(directory)
                if fd is not None:
                    shutil.rmtree(directory, ignore_errors=True)
                    os.close(fd)


def is_up(name):
    directory = paths.RUN / name
    with registry():
        if not directory.is_dir():
            return False
        fd = lock_of(directory)
        if fd is None:
            return True
        shutil.rmtree(directory, ignore_errors=True)
        os.close(fd)
        return False


def claim(name):
    """A new run directory: (path, lock), or None when the box is up already."""
    sweep()
    with registry():
        directory = paths.RUN / name
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            return None
        return directory, lock_of(directory)


def read_state(directory):
    try:
        return json.loads((directory / "state").read_text())
    except (OSError, ValueError):
        return {}


def new_logs(name):
    stamp = time.strftime("%Y%m%d-%H%M%S")
    logs = paths.LOGS / f"{stamp}-{name}-{os.getpid()}"
    logs.mkdir(parents=True, exist_ok=True)
    old = sorted(d for d in paths.LOGS.iterdir() if re.match(r"\d{8}-\d{6}-", d.name))
    for directory in old[:-LOGS_KEPT]:
        if has_ended(directory):
            shutil.rmtree(directory, ignore_errors=True)
    return logs


def has_ended(logs):
    """Whether these are the logs of a box that is no more. Its keeper's last act is a line there;
    one that was killed wrote none, and its logs are let go after two days."""
    with contextlib.suppress(OSError):
        return (logs / "keeper.log").exists() or time.time() - logs.stat().st_mtime > 2 * 86400
    return False


def note_end(logs, why):
    with contextlib.suppress(OSError), open(logs / "keeper.log", "a") as f:
        f.write(f"{time.strftime('%F %T')} {why}\n")


# --- the keeper ----------------------------------------------------------------------------------

def listen(directory, names):
    """Listening sockets, made before QEMU is: a client can connect at once and waits in line."""
    sockets = {}
    for name in names:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        fd, path = wire.in_directory(directory, name)
        s.bind(path)
        os.close(fd)
        s.listen(4)
        sockets[name] = s
    return sockets


def start_keeper(directory, lock, spec, kind, saved=None, save_to=None, forwards=()):
    """Start QEMU and its keeper. Returns a descriptor; while it is open a box of kind `run` lives.

    saved: directory of a saved state to start from. save_to: directory that will hold the memory
    of a box that is to be saved."""
    sockets = listen(directory, [f"port{n}" for n in range(wire.PORTS)] + ["qmp"])
    for name, target in (("vmlinuz", paths.VMLINUZ), ("initrd", paths.INITRD)):
        (directory / name).symlink_to(target)
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    if os.fork() == 0:
        try:
            os.close(theirs)
            os.setsid()
            if os.fork():
                os._exit(0)
            Keeper(directory, lock, spec, kind, ours).run(sockets, saved, save_to, forwards)
        except BaseException as e:      # nobody is left to see a traceback
            with open(spec.logs / "keeper.log", "a") as f:
                f.write(f"{e!r}\n")
        finally:
            os._exit(0)
    os.wait()
    os.close(ours)
    os.close(lock)
    for s in sockets.values():
        s.close()
    return theirs


class Keeper:
    """QEMU's parent: starts it, waits for its end or its owner's, and cleans up."""

    def __init__(self, directory, lock, spec, kind, owner):
        self.directory, self.lock, self.spec, self.kind, self.owner = \
            directory, lock, spec, kind, owner

    def run(self, sockets, saved, save_to, forwards):
        wakeup_r, wakeup_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup_w)
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: None)
        guard.set_name("xenbox-keeper")
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(self.spec.logs / "qemu.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        for fd, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, target)
        self.close_others(sockets, (wakeup_r, wakeup_w))
        # What would keep the caller's directories and terminals busy is let go.
        os.chdir(self.directory)
        devices = os.open(saved / "devices", os.O_RDONLY | os.O_CLOEXEC) if saved else None
        child = self.start_qemu(sockets, saved, devices, save_to, forwards)
        for s in sockets.values():
            s.close()
        self.write_state(child.pid)
        if saved:
            self.restore(devices)
        why = self.wait(child, wakeup_r)
        self.end(child, why)

    def close_others(self, sockets, more):
        keep = {0, 1, 2, self.lock, self.owner, *more, *(s.fileno() for s in sockets.values())}
        for name in os.listdir("/proc/self/fd"):
            if int(name) not in keep:
                with contextlib.suppress(OSError):
                    os.close(int(name))

    def start_qemu(self, sockets, saved, devices, save_to, forwards):
        fds = {name: s.fileno() for name, s in sockets.items()}
        options = {"forwards": forwards}
        if saved:
            options.update(memory_file=saved / "memory", incoming=True)
        elif save_to:
            options.update(memory_file=save_to / "memory", shared=True)
        command = qemu.box_command(self.spec, fds, **options)
        pass_fds = list(fds.values()) + ([devices] if saved else [])
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=pass_fds,
                                preexec_fn=guard.die_with_parent())

    def restore(self, devices):
        """Let QEMU take in the saved devices; it runs on by itself when it has them."""
        with contextlib.suppress(Fail, wire.Gone):
            with qemu.Monitor(self.directory) as monitor:
                monitor.ignore_shared()
                monitor.do("migrate-incoming", uri=f"fd:{devices}")

    def write_state(self, qemu_pid):
        spec = self.spec
        state = {"keeper": os.getpid(), "qemu": qemu_pid, "kind": self.kind, "accel": spec.accel,
                 "ram": spec.ram, "cpus": spec.cpus, "icount": spec.icount,
                 "logs": str(spec.logs), "started": time.time()}
        temporary = self.directory / "state.new"
        temporary.write_text(json.dumps(state))
        temporary.rename(self.directory / "state")

    def wait(self, child, wakeup):
        child_fd = os.pidfd_open(child.pid)
        poll = select.poll()
        poll.register(child_fd, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        if self.kind != "up":
            poll.register(self.owner, 0)
        while True:
            ready = dict(poll.poll())
            if child_fd in ready:
                code = child.wait()
                if code < 0:
                    return f"QEMU was killed by signal {-code}"
                return f"QEMU ended with status {code}"
            if wakeup in ready and int(signal.SIGTERM) in os.read(wakeup, 100):
                return "told to end"
            if self.kind != "up" and self.owner in ready:
                return "owner ended"

    def end(self, child, why):
        note_end(self.spec.logs, why)
        if child.poll() is None:
            child.kill()
            child.wait()
        with registry():
            shutil.rmtree(self.directory, ignore_errors=True)


# --- starting and stopping -----------------------------------------------------------------------

class Box:
    """A box that is up, or being brought up. Whoever holds `owner` keeps a `run` box alive."""

    def __init__(self, name, owner=None, logs=None):
        self.name = name
        self.directory = paths.RUN / name
        self.owner = owner
        self._logs = logs

    @property
    def state(self):
        return read_state(self.directory)

    @property
    def logs(self):
        if not self._logs and self.state.get("logs"):
            self._logs = pathlib.Path(self.state["logs"])
        return self._logs

    def talk(self, seconds=60, set_clock=False):
        """A connection to the agent, ready for a job."""
        logs = self.logs
        try:
            talk = wire.Talk(self.directory)
        except wire.Gone:
            raise Fail(f"the box {self.name} is gone{died_of(logs)}", log=logs)
        try:
            if talk.hello(seconds, set_clock):
                return talk
        except wire.Gone:
            talk.close()
            raise Fail(f"the box {self.name} ended{died_of(logs)}", log=logs)
        except BaseException:
            talk.close()
            raise
        talk.close()
        raise Fail(f"the box {self.name} does not answer within {seconds:g} s; look at its log, "
                   f"then "
                   f"try `xenbox -b {self.name} down`", log=logs)

    def end(self):
        """Stop the box and wait until it is gone."""
        state = self.state
        if self.owner is not None:
            os.close(self.owner)
            self.owner = None
        elif state.get("keeper"):
            with contextlib.suppress(OSError):
                os.kill(state["keeper"], signal.SIGTERM)
        if state.get("keeper"):
            with contextlib.suppress(OSError):
                fd = os.pidfd_open(state["keeper"])
                select.select([fd], [], [], 10)
                os.close(fd)


LAST_WORDS = (
    ("qemu.log", r"."),
    ("xen.log", r"Panic on CPU|Hardware Dom0|Kernel panic|Out of memory|box: "),
    ("keeper.log", r"QEMU "),
)


def died_of(logs):
    """What QEMU or Xen said last, as a clause for an error message."""
    if not logs:
        return ""
    for name, pattern in LAST_WORDS:
        with contextlib.suppress(OSError):
            text = (logs / name).read_text(errors="replace").splitlines()
            lines = [line.strip() for line in text if re.search(pattern, line)]
            if lines:
                return f": {re.sub('^[-0-9]+ [:0-9]+ ', '', lines[-1])[:200]}"
    return ""


def start(name, spec, kind, forwards=()):
    """Bring a box up: from a saved state when there is one, and saving one when there is not.
    Returns (Box, connection), or None when a box of that name is up already."""
    from . import saved
    image.ensure()
    spec.logs = new_logs(name)
    state = saved.have(spec, name)
    if state:
        claimed = claim(name)
        if not claimed:
            return None
        box = Box(name, start_keeper(*claimed, spec, kind, saved=state, forwards=forwards),
                  spec.logs)
        try:
            return box, ready(box, spec, kind, 30 * (ICOUNT_FACTOR if spec.icount else 1), True)
        except Fail as e:
            msg.note(f"the saved box did not start ({e}); booting afresh")
            box.end()
            saved.drop(state) if not os.environ.get("XENBOX_KEEP") else None
    claimed = claim(name)
    if not claimed:
        return None
    box = Box(name, start_keeper(*claimed, spec, kind, forwards=forwards), spec.logs)
    with msg.Progress("booting Xen and dom0"):
        return box, ready(box, spec, kind, spec.boot_seconds(), False)


def ready(box, spec, kind, seconds, set_clock):
    try:
        talk = box.talk(seconds, set_clock)
    except BaseException:
        box.end()
        raise
    if kind == "up":
        # The keeper of a persistent box does not look at this pipe.
        os.close(box.owner)
        box.owner = None
    return talk
