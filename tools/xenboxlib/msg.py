# SPDX-License-Identifier: BSD-2-Clause
"""What the user reads: one-line errors, notes and progress, all on standard error."""

import os
import sys
import time


class Fail(Exception):
    """Something the user can act on. The text says what happened and what to do; `status` is the
    exit status; `log` names the file to read, if there is one."""

    def __init__(self, text, status=125, log=None):
        super().__init__(text)
        self.status = status
        self.log = log


verbose = False


def _tty():
    try:
        return os.isatty(2)
    except OSError:
        return False


def raw_write(text):
    """Write to standard error; a closed one is nobody's loss."""
    try:
        os.write(2, text.encode(errors="replace"))
    except OSError:
        pass


def error(fail):
    text = f"xenbox: {fail}"
    if getattr(fail, "log", None):
        text += f" (log: {nice_path(fail.log)})"
    raw_write(text + "\n")


def note(text):
    """A remark for people: shown on a terminal or with -v."""
    if verbose or _tty():
        raw_write(f"xenbox: {text}\n")


def warn(text):
    raw_write(f"xenbox: {text}\n")


def nice_path(path):
    """The path as the user would type it here."""
    path = str(path)
    here = os.path.relpath(path)
    return here if len(here) < len(path) and not here.startswith("../..") else path


class Progress:
    """One line that is updated on a terminal, plain lines otherwise.

    `always` makes the plain lines appear even when nobody watches: for the long steps of a build.
    """

    def __init__(self, what, always=False):
        self.what = what
        self.live = _tty() and not verbose
        self.plain = not self.live and (verbose or always)
        self.begun = time.monotonic()
        self.shown = ""
        if self.plain:
            raw_write(f"xenbox: {what} ...\n")
        self.update("")

    def update(self, detail):
        if not self.live:
            return
        text = f"xenbox: {self.what} ... {detail}"
        if text != self.shown:
            raw_write(f"\r\033[K{text}")
            self.shown = text

    def done(self, result="done"):
        seconds = time.monotonic() - self.begun
        if self.live:
            raw_write(f"\r\033[Kxenbox: {self.what}: {result} ({seconds:.1f} s)\n")
        elif self.plain:
            raw_write(f"xenbox: {self.what}: {result} ({seconds:.1f} s)\n")

    def clear(self):
        if self.live:
            raw_write("\r\033[K")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.done()
        else:
            self.clear()


def die_quietly(status):
    """Leave without running exit handlers, after flushing what was said."""
    sys.stdout.flush()
    os._exit(status)
