# SPDX-License-Identifier: BSD-2-Clause
"""The suite's tests: which there are, how each is compiled, and the image of an area.

A test is one C file with a main of its own. It is compiled as it is; afterwards its main gets a name of
its own and every other symbol it defines becomes local, so that many tests fit into one image. Functions
that leave something behind, or end the program, are called through the driver (WRAPPED)."""

import concurrent.futures
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# Area by the interface a test is for: the first that matches.
AREAS = (
    ("headers", r"definitions/"),
    ("signals", r"(sig\w*|kill|killpg|raise|pthread_kill|pthread_sigmask)/"),
    ("pthread", r"pthread_"),
    ("sem", r"sem_"),
    ("timer", r"timer_"),
    ("mq", r"mq_"),
    ("sched", r"sched_"),
    ("aio", r"(aio_\w+|lio_listio)/"),
    ("memory", r"(m\w*lock\w*|mmap|munmap|shm_\w+)/"),
    ("clock", r"(clock\w*|nanosleep|time|difftime|ctime|asctime|gmtime|localtime|mktime|strftime)/"),
    ("functional", r"functional/"),
    ("stress", r"stress/"),
    ("other", r""),
)

# One process and no program to start: what calls one of these is not for us.
NEEDS_FORK = {"fork", "vfork", "execl", "execle", "execlp", "execv", "execve", "execvp", "system", "popen",
              "wait", "waitpid", "waitid"}
NEEDS_FORK_TEXT = re.compile(r"\b(" + "|".join(sorted(NEEDS_FORK)) + r")\s*\(")

# Calls that go through the driver, which undoes between two tests what they did: driver.c, undo_*.c.
ENDING = ("exit", "_exit")
WRAPPED = ("timer_create", "mq_open", "sem_open", "shm_open", "pthread_key_create")
# What runs when the program ends: such a test really ends it.
AT_EXIT = {"atexit", "on_exit"}
# What writes where it must not: no other test follows in that guest.
DAMAGING = {"pthread_key_create/speculative/5-1"}

# As the suite's own Makefile and LDFLAGS have it, without -Werror, which stops at warnings that gcc
# learnt since.
CFLAGS = ["-std=gnu99", "-O2", "-w", "-D_POSIX_C_SOURCE=200112L", "-D_GNU_SOURCE"]

# Of the functional and the stress part: what the suite's run.sh there gives a program.
ARGUMENTS = {"stress/semaphores/multi_con_pro": "100", "stress/mqueues/multi_send_rev_1": "10",
             "stress/mqueues/multi_send_rev_2": "100"}
# Included by tests; starts tests. A test that goes on until it is sent SIGUSR1 says so in its source.
NO_TESTS = {"testfrmw.c", "threads_scenarii.c", "helper.c"}
UNTIL_TOLD = re.compile(r"sigaction\s*\(\s*SIGUSR1\b")

# A script that only starts a program with a number is that program, given the number.
SCRIPT = re.compile(r"^conformance/interfaces/(\S+-buildonly)\.test (\d+)$", re.M)


class Test:
    def __init__(self, name, source, argument=""):
        self.name, self.source, self.argument = name, source, argument
        self.area = area_of(name)
        self.until_told = False     # it ends when it is sent SIGUSR1
        self.builds_only = False    # without a main: that it compiles is the test
        self.object = None
        self.error = None           # why it is not in the image
        self.symbols = set()        # what it leaves undefined
        self.forks = False

    @property
    def ends_guest(self):
        return self.name in DAMAGING or bool(self.symbols & AT_EXIT)

    @property
    def main(self):
        return "posixtest_" + re.sub(r"\W", "_", self.name) + "_main"


def area_of(name):
    return next(area for area, pattern in AREAS if re.match(pattern, name))


def script_test(name, path, top):
    """The test a script stands for; None for the others, which say `tested implicitly`."""
    with open(path, encoding="latin-1") as f:
        program = SCRIPT.search(f.read())
    return Test(name, os.path.join(top, program[1] + ".c"), program[2]) if program else None


def larger_tests(suite):
    """Those of the functional and the stress part: programs of several threads."""
    for part in ("functional", "stress"):
        for directory, _, files in os.walk(os.path.join(suite, part)):
            for file in files:
                path = os.path.join(directory, file)
                name, kind = os.path.splitext(os.path.relpath(path, suite))
                if kind != ".c" or file in NO_TESTS:
                    continue
                test = Test(name, path, ARGUMENTS.get(name, ""))
                with open(path, encoding="latin-1") as f:
                    test.until_told = bool(UNTIL_TOLD.search(f.read()))
                yield test


def find_tests(suite):
    """Every test of the suite, in the order of their names."""
    found = list(larger_tests(suite))
    for folder, prefix in (("definitions", "definitions/"), ("interfaces", "")):
        top = os.path.join(suite, "conformance", folder)
        for directory, _, files in os.walk(top):
            for file in files:
                path = os.path.join(directory, file)
                name, kind = os.path.splitext(prefix + os.path.relpath(path, top))
                if kind == ".c" and re.match(r"\d+-", file) and not name.endswith("-buildonly"):
                    found.append(Test(name, path))
                elif kind == ".sh":
                    found.append(script_test(name, path, top))

    def order(test):
        return [int(word) if word.isdigit() else word for word in re.split(r"(\d+)", test.name)]
    return sorted(filter(None, found), key=order)


def output(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout


class Builder:
    def __init__(self, build, suite):
        self.build, self.suite = build, suite
        self.cc = os.path.join(build, "bin", "stardust-cc")
        self.out = os.path.join(build, "test", "posix")
        self.library = self.library_symbols()
        self.changed = {}
        self.flags = self.note_flags()

    def note_flags(self):
        """A file that is as old as the flags are."""
        path = os.path.join(self.out, "flags")
        os.makedirs(self.out, exist_ok=True)
        if not os.path.exists(path) or open(path, encoding="utf-8").read() != " ".join(CFLAGS):
            with open(path, "w", encoding="utf-8") as f:
                f.write(" ".join(CFLAGS))
        return path

    def library_symbols(self):
        """What an image can have: every symbol our libraries define."""
        folder = os.path.join(self.build, "sysroot", "lib")
        files = [os.path.join(folder, name) for name in
                 ("libc.a", "libm.a", "libstardust-kernel.a", "libgccsafe.a", "crt0.o")]
        files.append(output("gcc", "-print-libgcc-file-name").strip())
        text = subprocess.run(["nm", "-A", "--defined-only", *files], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False, text=True).stdout
        words = [line.split() for line in text.splitlines()]
        return {word[-1] for word in words if len(word) > 2 and word[-2] not in "tdbr"}

    # --- one test ------------------------------------------------------------------------------

    def mtime(self, path):
        if path not in self.changed:
            try:
                self.changed[path] = os.stat(path).st_mtime
            except OSError:
                self.changed[path] = float("inf")
        return self.changed[path]

    def is_fresh(self, target, depfile):
        """Whether target is newer than everything gcc read for it, and than how we build."""
        try:
            made = os.stat(target).st_mtime
            with open(depfile, encoding="utf-8") as f:
                words = f.read().replace("\\\n", " ").split()[1:]
        except OSError:
            return False
        return all(self.mtime(path) <= made for path in [*words, self.flags])

    def compile(self, test):
        base = os.path.join(self.out, "obj", test.name)
        os.makedirs(os.path.dirname(base), exist_ok=True)
        plain, ready, depfile = base + ".plain.o", base + ".o", base + ".d"
        if not self.is_fresh(plain, depfile):
            done = subprocess.run(
                [self.cc, *CFLAGS, f"-I{self.suite}/include", f"-I{os.path.dirname(test.source)}",
                 f"-I{self.suite}/functional/threads/include",
                 "-MD", "-MF", depfile, "-c", "-o", plain, test.source],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                errors="replace", check=False)
            if done.returncode:
                errors = [l for l in done.stdout.splitlines() if "error:" in l]
                test.error = (errors or done.stdout.splitlines() or ["no message"])[0].rpartition("error: ")[2]
                with open(test.source, encoding="latin-1") as f:
                    test.forks = bool(NEEDS_FORK_TEXT.search(f.read()))
                return
        self.look_at(test, plain)
        if test.builds_only or test.forks or test.error:
            return
        if not os.path.exists(ready) or os.stat(ready).st_mtime < os.stat(plain).st_mtime:
            renames = [f"--redefine-sym={name}=posixtest_{name}" for name in (*ENDING, *WRAPPED)]
            subprocess.run(["objcopy", f"--redefine-sym=main={test.main}",
                            f"--keep-global-symbol={test.main}", *renames, plain, ready], check=True)
        test.object = ready

    def look_at(self, test, plain):
        defined = set()
        for line in output("nm", "-g", plain).splitlines():
            *_, kind, name = line.split()
            (test.symbols if kind in "Uw" else defined).add(name)
        test.builds_only = "main" not in defined
        test.forks = bool(test.symbols & NEEDS_FORK)
        missing = test.symbols - self.library - {"_GLOBAL_OFFSET_TABLE_"}
        if missing and not test.builds_only:
            test.error = "undefined: " + " ".join(sorted(missing))

    def compile_all(self, tests, jobs):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            list(pool.map(self.compile, tests))

    # --- an area's image -----------------------------------------------------------------------

    def link(self, area, tests):
        """The image of these tests; index i runs tests[i]."""
        image = os.path.join(self.out, area)
        table = image + ".table.c"
        lines = ["/* Written by test/posix/suite.py. */", '#include "test/posix/driver.h"', ""]
        lines += [f"extern int {test.main}(int argc, char **argv);" for test in tests]
        lines += ["", "const struct posixtest posixtest_table[] = {"]
        lines += [f'\t{{"{test.name}", {test.main}, "{test.argument}", {int(test.ends_guest)}, {int(test.until_told)}}},'
                  for test in tests]
        lines += ["};", f"const unsigned int posixtest_count = {len(tests)};", ""]
        with open(table, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))
        # The driver makes timers itself.
        undo = [name for name in WRAPPED if name == "timer_create" or any(name in test.symbols for test in tests)]
        sources = ["driver.c", *(f"undo_{name}.c" for name in undo)]
        words = [self.cc, "--kernel-names", "-std=gnu11", "-O2", "-s", "-Wall", "-iquote", ".", "-isystem",
                 os.path.join(self.build, "xen-include"), "-o", image, table,
                 *(os.path.join(HERE, name) for name in sources), *(test.object for test in tests)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, check=False,
                              cwd=os.path.join(HERE, "..", ".."))
        if done.returncode:
            raise RuntimeError(f"the image of {area} does not link:\n{done.stdout}")
        return image
