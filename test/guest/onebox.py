# SPDX-License-Identifier: BSD-2-Clause
"""The one box in which a run of guest tests happens."""

import os
import subprocess
import threading


class Box:
    """Brought up anew when it died. Any thread."""

    def __init__(self, xenbox, prefix, how=()):
        """prefix: what its name begins with; how: options of `xenbox up`."""
        self.xenbox, self.how = xenbox, how
        self.name = f"{prefix}-{os.getpid()}"
        self.lock = threading.Lock()
        self.generation = 0
        self.ending = False

    def command(self, *words):
        return [self.xenbox, "-b", self.name, *words]

    def up(self):
        subprocess.run(self.command("up", *self.how), check=True, stdin=subprocess.DEVNULL)

    def down(self):
        subprocess.run(self.command("down"), check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def end(self):
        """Down for good: what runs in it ends, and nothing brings it up again."""
        self.ending = True
        self.down()

    def renew(self, generation):
        with self.lock:
            if generation == self.generation and not self.ending:
                self.down()
                self.up()
                self.generation += 1

    def execute(self, *words):
        """Output of a command in dom0, for a person to read."""
        try:
            done = subprocess.run(self.command("exec", *words), stdin=subprocess.DEVNULL, timeout=20, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return "no answer\n"
        return done.stdout.decode(errors="replace")
