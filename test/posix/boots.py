# SPDX-License-Identifier: BSD-2-Clause
"""Boots an area's image until each of its tests has a result: a guest runs tests one after the other until
one ends the guest, or does not end at all; the next guest goes on with the one after it."""

import os
import re
import selectors
import subprocess
import threading
import time

RESULTS = {0: "pass", 1: "fail", 2: "unresolved", 4: "unsupported", 5: "untested"}
LINE = re.compile(r"^posixtest: (begin|end|stop) (\S+)(?: (\d+))?\n", re.M)
BOOT_SECONDS = 60
LONG = ("functional/", "stress/")   # parts whose tests compute for a minute and more
LONG_TIMES = 10
REPORT_SECONDS = 2      # for a hanging guest to say where it hangs


class BoxFailed(Exception):
    """The box, not a test."""


class Result:
    def __init__(self, result, seconds=0.0, text="", detail=""):
        self.result, self.seconds, self.text, self.detail = result, seconds, text, detail


def result_of_status(status):
    return RESULTS.get(status, "fail")


class Guest:
    """One guest from its start to its end."""

    def __init__(self, box, name, image, first, end, options):
        self.box, self.name, self.options = box, name, options
        self.status_file = f"{image}.{name}.status"
        words = box.command("run", "--name", name, "--memory", str(options.memory), "--vcpus",
                            str(options.vcpus), "--status-file", self.status_file, image, "--",
                            str(first), str(end))
        self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.child.stdout, selectors.EVENT_READ)
        self.text = ""          # all the console showed
        self.taken = 0          # how much of it has been understood
        self.results = []       # (name, Result) of the tests that ended
        self.current = None     # the test that runs
        self.begun = time.monotonic()
        self.shown_from = 0
        self.why = ""

    def take(self):
        """What the lines since last time say."""
        while True:
            line = LINE.search(self.text, self.taken)
            if not line:
                return
            kind, name, status = line.groups()
            if kind == "begin":
                self.current, self.shown_from = name, line.end()
                self.begun = time.monotonic()
            elif kind == "end" and name == self.current:
                self.finish(result_of_status(int(status)), line.start(), f"status {status}")
            elif kind == "stop":
                self.why = name
            self.taken = line.end()

    def finish(self, result, until, detail):
        text = self.text[self.shown_from:until].strip("\n")
        self.results.append((self.current, Result(result, time.monotonic() - self.begun, text, detail)))
        self.current = None
        self.begun = time.monotonic()

    def limit(self):
        if not self.current:
            return BOOT_SECONDS
        return self.options.timeout * (LONG_TIMES if self.current.startswith(LONG) else 1)

    def run(self):
        """Until the guest is gone; True when it had to be ended."""
        hung = False
        while True:
            left = self.begun + self.limit() - time.monotonic()
            if left <= 0 and not hung:
                hung = True
                self.look_inside()
                self.child.terminate()
            if not self.read_piece(max(left, 0.2)):
                break
            if not hung:
                self.take()
        self.child.wait()
        self.conclude(hung)
        return hung

    def look_inside(self):
        """A guest that hangs says what its threads do, if it can."""
        self.box.execute("xl", "sysrq", self.name, "t")
        end = time.monotonic() + REPORT_SECONDS
        while time.monotonic() < end and self.read_piece(0.2):
            pass

    def read_piece(self, seconds):
        """Takes what the console shows within this time; False at its end."""
        if self.selector.select(seconds):
            piece = os.read(self.child.stdout.fileno(), 65536)
            self.text += piece.decode("utf-8", "replace").replace("\r", "")
            return bool(piece)
        return True

    def outcome(self):
        try:
            with open(self.status_file, encoding="utf-8") as f:
                return f.read().strip()
        except OSError:
            return ""
        finally:
            if os.path.exists(self.status_file):
                os.unlink(self.status_file)

    def conclude(self, hung):
        """The test that ran when the guest ended: its end is the guest's."""
        outcome = self.outcome()
        kind, _, number = outcome.partition(" ")
        if hung:
            if self.current:
                self.finish("hang", len(self.text), f"no end within {self.limit():g} s")
            return
        if kind == "exit" and self.current:
            self.finish(result_of_status(int(number)), len(self.text), f"the guest ended, status {number}")
        elif kind == "signal" and self.current:
            self.finish("crash", len(self.text), f"signal {number}")
        elif kind not in ("exit", "signal"):
            raise BoxFailed(f"{outcome or 'no outcome'}: {self.text[-400:]}")


class Runner:
    def __init__(self, box, logs, options, say):
        self.box, self.logs, self.options, self.say = box, logs, options, say
        self.lock = threading.Lock()
        self.boots = 0

    def guest(self, image, first, end):
        with self.lock:
            self.boots += 1
            number = self.boots
        name = f"posix-{os.path.basename(image)}-{number}"
        guest = Guest(self.box, name, image, first, end, self.options)
        try:
            guest.run()
        finally:
            guest.child.kill() if guest.child.poll() is None else None
            with open(os.path.join(self.logs, f"{name}.log"), "w", encoding="utf-8") as log:
                log.write(guest.text)
        return guest

    def run(self, image, names, first, end):
        """Results of the tests first to end - 1 of the image, by name."""
        results = {}
        barren = 0
        while first < end:
            generation = self.box.generation
            try:
                guest = self.guest(image, first, end)
            except BoxFailed as why:
                if self.box.ending:
                    raise
                barren += 1
                self.say(f"the box failed, once more in a new one: {why}")
                self.box.renew(generation)
                if barren > 2:
                    raise
                continue
            for name, result in guest.results:
                results[name] = result
            done = len(guest.results)
            barren = 0 if done else barren + 1
            if barren > 1:
                results[names[first]] = Result("crash", 0.0, guest.text, "the guest ends before the test begins")
                done, barren = 1, 0
            first += done
        return results
