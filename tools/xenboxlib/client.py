# SPDX-License-Identifier: BSD-2-Clause
"""Work in a box that is up: exec, shell, console, push, pull, log, status."""

import contextlib
import io
import os
import pathlib
import select
import shlex
import signal
import stat
import sys
import tarfile
import termios
import time
import tty

from . import box as boxes
from . import guard, msg, paths, wire
from .msg import Fail

AGAIN_SECONDS = 1.0


def write_all(fd, data):
    view = memoryview(data)
    while view:
        try:
            n = os.write(fd, view)
        except BlockingIOError:
            select.select([], [fd], [])
            continue
        view = view[n:]


def to_stdout(data):
    try:
        write_all(1, data)
    except BrokenPipeError:
        raise guard.Ended(signal.SIGPIPE)


def to_stderr(data):
    with contextlib.suppress(OSError):
        write_all(2, data)


class Signals:
    """Signals as work for the loop that waits for the box: SIGINT goes to the remote program (twice
    within a second ends us), SIGWINCH is passed on."""

    def __init__(self, on_interrupt):
        self.on_interrupt = on_interrupt
        self.pending = []
        self.last_interrupt = 0.0

    def __enter__(self):
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.before = {}
        for number in (signal.SIGINT, signal.SIGWINCH):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        os.close(self.reader)
        os.close(self.writer)

    def _note(self, number, _frame):
        self.pending.append(number)
        with contextlib.suppress(OSError):
            os.write(self.writer, b"!")

    def wanted(self):
        return ((self.reader, select.POLLIN),)

    def interrupted(self):
        """True for the second interrupt within a second."""
        now = time.monotonic()
        again = now - self.last_interrupt < AGAIN_SECONDS
        self.last_interrupt = now
        return again

    def before_wait(self, talk):
        with contextlib.suppress(BlockingIOError):
            os.read(self.reader, 100)
        pending, self.pending = self.pending, []
        for number in pending:
            if number == signal.SIGWINCH:
                talk.send_window(*wire.window_size(0))
            elif self.interrupted():
                raise guard.Ended(signal.SIGINT)
            else:
                self.on_interrupt(talk)

    def filter_input(self, data):
        return data


@contextlib.contextmanager
def raw_terminal(fd, keep_output=False):
    """The terminal passes every key on, and is put back whatever happens."""
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        if keep_output:
            mode = termios.tcgetattr(fd)
            mode[1] |= termios.OPOST | termios.ONLCR
            termios.tcsetattr(fd, termios.TCSANOW, mode)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)


def running(name):
    if not boxes.is_up(name):
        raise Fail(f"no box {name} is up; start it with "
                   f"`xenbox{'' if name == 'default' else ' -b ' + name} up`")
    return boxes.Box(name)


def execute(name, argv, want_tty=None, env=None):
    guard.start()
    with_tty = want_tty if want_tty is not None else os.isatty(0) and os.isatty(1)
    with running(name).talk() as talk:
        return execute_in(talk, name, argv, with_tty, env)


def execute_in(talk, name, argv, with_tty, env=None):
    def interrupt(t):
        t.send_signal(signal.SIGINT)
    if with_tty:
        env = dict(env or {}, TERM=os.environ.get("TERM", "linux"))
    request = wire.exec_request(argv, env, tty=with_tty,
                                size=wire.window_size(0) if with_tty else (0, 0))
    terminal = raw_terminal(0) if with_tty and os.isatty(0) else contextlib.nullcontext()
    with Signals(interrupt) as hooks, terminal:
        try:
            return talk.job("X", request, stdin=stdin_fd(), out=to_stdout, err=to_stderr,
                            hooks=hooks)
        except wire.Gone:
            raise Fail(f"the box {name} ended while the command ran")


def stdin_fd():
    """Standard input, or nothing when it is closed."""
    try:
        os.fstat(0)
        return 0
    except OSError:
        return b""


def shell(name):
    return execute(name, ["bash", "-l"], want_tty=True if os.isatty(0) else None)


def console(name, guest):
    guard.start()
    with running(name).talk() as talk:
        if not guest:
            guest = only_guest(talk)
        msg.note(f"console of {guest}; Ctrl-] leaves it")
        return execute_in(talk, name, ["xl", "console", guest], os.isatty(0))


def guests(talk):
    status, out, _ = talk.run(["xl", "list"])
    lines = out.decode(errors="replace").splitlines()[1:] if status == 0 else []
    return [line.split()[0] for line in lines if line and not line.startswith("Domain-0")]


def only_guest(talk):
    names = guests(talk)
    if len(names) == 1:
        return names[0]
    raise Fail("no guest is running in this box" if not names
               else f"several guests are running; name one of {', '.join(names)}")


# --- files ---------------------------------------------------------------------------------------

def put(talk, source, target, mode=None):
    """One file into dom0."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as e:
        raise Fail(f"{source}: {e.strerror}; name an existing file")
    try:
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            raise Fail(f"{source}: a directory")
        errors = []
        mode = stat.S_IMODE(info.st_mode) if mode is None else mode
        if talk.job("P", wire.file_request(target, mode), stdin=fd, err=errors.append):
            raise Fail(f"dom0 cannot store it: {b''.join(errors).decode(errors='replace').strip()}")
    finally:
        os.close(fd)


def put_bytes(talk, data, target, mode=0o644):
    errors = []
    if talk.job("P", wire.file_request(target, mode), stdin=data, err=errors.append):
        raise Fail(f"dom0 cannot store {target}: "
                   f"{b''.join(errors).decode(errors='replace').strip()}")


def get(talk, source, target):
    """One file out of dom0; it appears whole or not at all."""
    temporary = f"{target}.part.{os.getpid()}"
    errors = []
    try:
        with open(temporary, "wb") as f:
            status = talk.job("G", wire.file_request(source), out=f.write, err=errors.append)
        text = b"".join(errors).decode(errors="replace").strip()
        if status:
            raise Fail(f"dom0: {text}")
        os.chmod(temporary, int(text or "644", 8))
        os.rename(temporary, target)
    except OSError as e:
        raise Fail(f"{target}: {e.strerror}")
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def push(name, sources, target):
    guard.start()
    box = running(name)
    for source in sources:
        if not os.path.exists(source):
            raise Fail(f"{source}: no such file; name an existing one")
    with box.talk() as talk:
        into_dir = len(sources) > 1 or target.endswith("/") or \
            talk.run(["test", "-d", target])[0] == 0
        for source in sources:
            path = f"{target}/{os.path.basename(source.rstrip('/'))}" if into_dir else target
            if os.path.isdir(source):
                push_tree(talk, source, path)
            else:
                put(talk, source, path)
    return 0


def push_tree(talk, source, target):
    import subprocess
    with subprocess.Popen(["tar", "-C", source, "-c", "."], stdout=subprocess.PIPE,
                          preexec_fn=guard.die_with_parent()) as tar:
        script = 'mkdir -p "$1" && exec tar -C "$1" -xp'
        errors = []
        status = talk.job("X", wire.exec_request(["sh", "-c", script, "sh", target]),
                          stdin=tar.stdout.fileno(), err=errors.append)
    if status or tar.returncode:
        raise Fail(f"pushing {source} failed: {b''.join(errors).decode(errors='replace').strip()}")


def pull(name, sources, target):
    guard.start()
    into_dir = len(sources) > 1 or os.path.isdir(target)
    if len(sources) > 1 and not os.path.isdir(target):
        raise Fail(f"{target}: several files need a directory to go to", status=2)
    with running(name).talk() as talk:
        for source in sources:
            path = target
            if into_dir:
                path = os.path.join(target, os.path.basename(source.rstrip("/")))
            if talk.run(["test", "-d", source])[0] == 0:
                pull_tree(talk, source, path)
            else:
                get(talk, source, path)
    return 0


def pull_tree(talk, source, target):
    import subprocess
    os.makedirs(target, exist_ok=True)
    errors = []
    with subprocess.Popen(["tar", "-C", target, "-xp"], stdin=subprocess.PIPE,
                          preexec_fn=guard.die_with_parent()) as tar:
        status = talk.job("X", wire.exec_request(["tar", "-C", source, "-c", "."]),
                          out=tar.stdin.write, err=errors.append)
        tar.stdin.close()
    if status or tar.returncode:
        raise Fail(f"pulling {source} failed: {b''.join(errors).decode(errors='replace').strip()}")


# --- looking -------------------------------------------------------------------------------------

def status(name, everything):
    boxes.sweep()
    found = sorted(d.name for d in paths.RUN.iterdir() if d.is_dir())
    if not everything:
        found = [n for n in found if n == name]
    if not found:
        print("no box is up" if everything else f"{name}: down")
        return 1
    for each in found:
        state = boxes.read_state(paths.RUN / each)
        if not state:
            print(f"{each}: starting")
            continue
        age = int(time.time() - state["started"])
        kind = {"up": "stays until `xenbox down`", "run": "ends with its run",
                "save": "being saved"}.get(state["kind"], "")
        print(f"{each}: up {age // 60}:{age % 60:02d}, {kind}; {state['accel']}"
              f"{' icount' if state['icount'] else ''}, {state['ram']} MiB, {state['cpus']} CPUs, "
              f"QEMU {state['qemu']}, logs {msg.nice_path(state['logs'])}")
    return 0


def collect_logs(talk, logs):
    """Keep what would be lost with the box: guests' consoles, Xen's and dom0's messages."""
    script = "cd /var/log/xen && xl dmesg >xl-dmesg.log; dmesg >dom0-dmesg.log; tar -c ."
    with contextlib.suppress(Fail, wire.Gone, TimeoutError, OSError, tarfile.TarError):
        _, data, _ = talk.run(["sh", "-c", script], seconds=20)
        (logs / "guests").mkdir(exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                name = os.path.basename(member.name)
                if member.isfile():
                    folder = logs / "guests" if "console" in member.name else logs
                    (folder / name).write_bytes(tar.extractfile(member).read())


def last_logs(name):
    found = sorted(d for d in paths.LOGS.glob(f"*-{name}-*") if d.is_dir())
    if not found:
        raise Fail(f"the box {name} has no logs yet")
    return found[-1]


def log(name, what, guest):
    up = boxes.is_up(name)
    logs = boxes.Box(name).logs if up else None
    logs = logs or last_logs(name)
    if what is None:
        print(logs)
        for f in sorted(logs.rglob("*")):
            if f.is_file() and f.stat().st_size:
                print(f"{f.stat().st_size:9} {f.relative_to(logs)}")
        return 0
    if what == "qemu":
        return show(logs / "qemu.log")
    if what == "guest" and not guest:
        raise Fail("xenbox log guest NAME: name the guest", status=2)
    if up:
        guest_log = f"/var/log/xen/console/guest-{guest}.log"
        command = {"xen": ["xl", "dmesg"], "dom0": ["dmesg"], "guest": ["cat", guest_log]}[what]
        with boxes.Box(name).talk() as talk:
            return execute_in(talk, name, command, False)
    if what == "guest":
        return show(logs / "guests" / f"guest-{guest}.log")
    lines = (logs / "xen.log").read_text(errors="replace").splitlines()
    from_xen = [l.startswith("(XEN)") for l in lines]
    for line, is_xen in zip(lines, from_xen):
        if is_xen == (what == "xen"):
            print(line)
    return 0


def show(path):
    try:
        sys.stdout.flush()
        write_all(1, pathlib.Path(path).read_bytes())
        return 0
    except FileNotFoundError:
        raise Fail(f"no {path.name} in {msg.nice_path(path.parent)}")


def quoted(argv):
    return " ".join(shlex.quote(a) for a in argv)
