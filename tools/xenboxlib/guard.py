# SPDX-License-Identifier: BSD-2-Clause
"""Nothing outlives its reason: signals become exceptions, and a dead parent is a signal."""

import ctypes
import os
import signal
import threading

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
_libc = ctypes.CDLL(None)

# Shells and wrappers that stand between a make or a script and this command.
SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"}


class Ended(BaseException):
    """A signal asked us to end. Not an Exception: only `finally` clauses and main() see it."""

    def __init__(self, number):
        super().__init__(number)
        self.status = 128 + number


def _raise(number, _frame):
    signal.signal(number, signal.SIG_IGN)       # one is enough; cleaning up is not interrupted
    raise Ended(number)


def die_with_parent(sig=signal.SIGKILL):
    """For preexec_fn: the child gets `sig` when the thread that forked it ends."""
    parent = os.getpid()

    def set_up():
        _libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.setpgid(0, 0)
    return set_up


def set_name(name):
    _libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def _stat(pid):
    """(name, parent, session) of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            text = f.read()
    except OSError:
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    rest = text[text.rindex(")") + 2:].split()
    return name, int(rest[1]), int(rest[3])


def ancestors():
    """Processes whose end means that nobody waits for us any more: our parent and its parents, up
    to but not including the shell that leads the session (logging out with a job in the background
    is no reason to stop it; the terminal's hang-up is)."""
    found, pid = [], os.getppid()
    while pid > 1:
        about = _stat(pid)
        if not about:
            break
        name, parent, session = about
        if session == pid and (name.lstrip("-") in SHELLS or found):
            break
        if session != os.getsid(0):
            break
        found.append(pid)
        pid = parent
    return found


def _watch(fds):
    import select
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    poll.poll()
    os.kill(os.getpid(), signal.SIGTERM)


def start():
    """From now on SIGTERM, SIGHUP and SIGINT raise Ended, and so does the death of an ancestor."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    fds = []
    for pid in ancestors():
        try:
            fds.append(os.pidfd_open(pid))
        except OSError:
            pass
    if fds:
        threading.Thread(target=_watch, args=(fds,), daemon=True).start()
