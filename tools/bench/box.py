# SPDX-License-Identifier: BSD-2-Clause
"""The box of a benchmark run, and single guests in it."""

import os
import re
import signal
import subprocess
import time

GUEST_STATUS = {1: "the watcher in dom0 failed", 3: "xl create refused", 4: "it did not end in time"}

GUEST_SECONDS = 600     # of the machine, which may have other work


class Failed(Exception):
    """A figure could not be taken; the text says why, in one line."""


class BoxFailed(Failed):
    """The box itself failed: nothing further can be measured."""


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


class Run:
    """What became of one guest: ticks of the events in dom0, and the text of its console."""

    def __init__(self, text):
        head, _, self.console = text.replace("\r", "").partition("console\n")
        numbers = dict((name, [int(n) for n in rest.split()]) for name, rest in
                       re.findall(r"^(unpause|byte|line|end)((?: \d+)+)$", head, re.M))
        if "unpause" not in numbers:
            raise Failed(last_line(head))
        self.unpause = numbers["unpause"][0]
        self.line = numbers["line"][0]
        # Ticks and the guest's processor time in nanoseconds when its lines `bench-cpu` were seen.
        self.cpu = [(int(ticks), int(ns)) for ticks, ns in re.findall(r"^cpu (\d+) (\d+)$", head, re.M)]

    def report(self, name):
        """The numbers of the guest's line `bench NAME …`."""
        found = re.search(rf"^bench {name} ([-\d. ]+)$", self.console, re.M)
        if not found:
            error = re.search(rf"^bench-error {name} (.*)$", self.console, re.M)
            raise Failed(error[1] if error else
                         f"no line 'bench {name}' on its console: {last_line(self.console)}")
        return [float(word) for word in found[1].split()]


class Box:
    def __init__(self, xenbox, log):
        self.xenbox = xenbox
        self.name = f"bench{os.getpid()}"
        self.log = log
        self.done = None
        self.count = 0

    def command(self, *words):
        return [self.xenbox, "-b", self.name, *words]

    def guard(self):
        """A process that takes the box down should we be killed without a chance to do so."""
        theirs, self.done = os.pipe()
        if os.fork() == 0:
            os.setsid()
            os.close(self.done)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            if os.read(theirs, 1):
                os._exit(0)
            time.sleep(2)   # a `xenbox up` under way notices our end, too
            os.execv(self.xenbox, self.command("down"))
        os.close(theirs)    # the other end closes when this process ends, however it does

    def up(self, icount=True):
        self.guard()
        words = self.command("up", *(["--icount"] if icount else []))
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode:
            raise BoxFailed(f"the box did not start: xenbox up ended with {done.returncode}")

    def down(self):
        """Whatever happens, and however impatient the user is."""
        old = [(s, signal.signal(s, signal.SIG_IGN)) for s in
               (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        subprocess.run(self.command("down"), stdin=subprocess.DEVNULL, check=False,
                       stdout=subprocess.DEVNULL)
        if self.done is not None:
            os.write(self.done, b"d")
            os.close(self.done)
            self.done = None
        for number, handler in old:
            signal.signal(number, handler)

    def execute(self, *words, seconds=120):
        """(status, output) of a command in dom0."""
        begun = time.monotonic()
        try:
            done = subprocess.run(self.command("exec", *words), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                                  check=False)
        except subprocess.TimeoutExpired:
            raise BoxFailed(f"dom0 did not answer within {seconds} s: {words[0]}") from None
        text = done.stdout.decode(errors="replace")
        self.log.write(f"--- {' '.join(words)}\n{text}--- status {done.returncode}, "
                       f"{time.monotonic() - begun:.1f} s\n")
        self.log.flush()
        if done.returncode == 125:
            raise BoxFailed(last_line(text))
        return done.returncode, text

    def push(self, path, target):
        done = subprocess.run(self.command("push", path, target), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise BoxFailed(f"cannot copy {path} into the box: {last_line(done.stdout)}")

    def guest(self, lines, memory, seconds, vcpus=1):
        """One guest from its configuration's lines to its end. Seconds are the guest's own: while
        nothing runs they pass at once."""
        self.count += 1
        name = f"bench-{self.count}"
        cfg = [f'name = "{name}"', f"memory = {memory}", f"maxmem = {memory}", f"vcpus = {vcpus}",
               'tsc_mode = "native"', 'on_poweroff = "destroy"', 'on_reboot = "destroy"',
               'on_crash = "destroy"', *lines]
        words = ["/tmp/bench-guest", name, str(seconds), "\n".join(cfg)]
        status, text = self.execute(*words, seconds=GUEST_SECONDS)
        if status >= 128:   # a command of dom0 was killed: the emulated machine's fault, not the guest's
            status, text = self.execute(*words, seconds=GUEST_SECONDS)
        if status:
            raise Failed(f"{GUEST_STATUS.get(status, f'status {status}')}: {last_line(text)}")
        return Run(text)
