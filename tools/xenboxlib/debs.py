# SPDX-License-Identifier: BSD-2-Clause
"""Debian binary packages: which ones, downloaded where, unpacked how. Nothing is installed."""

import os
import pathlib
import re
import shutil
import subprocess

from . import paths
from .msg import Fail, Progress

DEBS = paths.BOX / "debs"
NO_STATUS = paths.BOX / "no-packages"       # stands for dpkg's status: nothing is installed


def _apt_env():
    script = paths.TOOLS / "apt-config"
    done = subprocess.run([script, "-u", paths.APT], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Fail(done.stderr.strip().splitlines()[-1] if done.stderr.strip()
                   else "apt-config failed: try again with a working network")
    NO_STATUS.parent.mkdir(parents=True, exist_ok=True)
    NO_STATUS.touch()
    return dict(os.environ, APT_CONFIG=done.stdout.strip(), LC_ALL="C")


def _apt(env, *args, cwd=None):
    command = [args[0], "-o", f"Dir::State::status={NO_STATUS}", "-o", "Debug::NoLocking=true",
               *args[1:]]
    return subprocess.run(command, env=env, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _apt_error(done):
    lines = [l for l in (done.stderr + done.stdout).splitlines() if re.match(r"(E|Err)[: ]", l)]
    return lines[0] if lines else "apt-get failed"


def check_space(where, mib):
    """A build that would fill the disk stops before it starts."""
    where = pathlib.Path(where)
    while not where.exists():
        where = where.parent
    free = shutil.disk_usage(where).free >> 20
    if free < mib:
        raise Fail(f"{paths.BOX} needs {mib} MiB on disk and {free} MiB are free: make room, "
                   "or set XENBOX_BUILD to another directory")


def depends(env, package, pattern):
    """The first dependency of `package` whose name matches."""
    done = _apt(env, "apt-cache", "depends", package)
    found = re.search(rf"Depends: ({pattern})\s*$", done.stdout, re.M)
    if not found:
        raise Fail(f"the package lists name no {package}: is this machine's Debian archive "
                   f"complete?")
    return found.group(1)


def plan(names, closure):
    """(file name, package, URL) of each package, with everything it depends on if `closure`."""
    env = _apt_env()
    names = [depends(env, n.split("/")[0], n.split("/")[1]) if "/" in n else n for n in names]
    if closure:
        done = _apt(env, "apt-get", "-qq", "-y", "--no-install-recommends", "--print-uris",
                    "install", *names)
    else:
        done = _apt(env, "apt-get", "-qq", "--print-uris", "download", *names)
    if done.returncode:
        raise Fail(f"cannot work out the packages of the box: {_apt_error(done)}")
    uris = re.findall(r"^'(\S+)' (\S+_(?:amd64|all)\.deb) (\d+)", done.stdout, re.M)
    return env, names, [(name.replace("%3a", ":"), int(size)) for _, name, size in uris]


def fetch(names, closure=False):
    """Have the packages in build/box/debs; returns their paths in no particular order."""
    DEBS.mkdir(parents=True, exist_ok=True)
    (DEBS / "partial").mkdir(exist_ok=True)
    env, names, files = plan(names, closure)
    missing = [(n, s) for n, s in files if not (DEBS / n.replace(":", "%3a")).exists()]
    if missing:
        mib = sum(s for _, s in missing) >> 20
        check_space(DEBS, 2 * mib + 64)
        with Progress(f"downloading {len(missing)} Debian packages ({mib} MiB)", always=True) as p:
            _download(env, names, closure, p, len(missing))
    return [DEBS / n.replace(":", "%3a") for n, _ in files]


def _download(env, names, closure, progress, total):
    common = ["-o", f"Dir::State::status={NO_STATUS}", "-o", "Debug::NoLocking=true",
              "-o", f"Dir::Cache::archives={DEBS}"]
    if closure:
        command = ["apt-get", *common, "-y", "-d", "--no-install-recommends", "install", *names]
        cwd = None
    else:
        command = ["apt-get", *common, "download", *names]
        cwd = DEBS / "partial"
    run = subprocess.Popen(command, env=env, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen, said = 0, []
    for line in run.stdout:
        said.append(line)
        if line.startswith("Get:"):
            seen += 1
            progress.update(f"{seen}/{total}")
    if run.wait():
        bad = next((l.strip() for l in said if re.match(r"(E|Err)[: ]", l)), "apt-get failed")
        raise Fail(f"downloading the packages of the box failed: {bad}. "
                   "Check the network and run the same command again")
    if not closure:
        for deb in cwd.glob("*.deb"):
            deb.rename(DEBS / deb.name)


def unpack(deb, where):
    pathlib.Path(where).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["dpkg-deb", "-x", deb, where], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        pathlib.Path(deb).unlink(missing_ok=True)
        raise Fail(f"{pathlib.Path(deb).name} cannot be unpacked ({done.stderr.strip()}): "
                   "it was removed; run the same command again")


def unpack_into(deb, root, left_out=()):
    """Add a package's files to a tree whose /bin, /lib … are links, leaving some out."""
    tar = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-p", "-C", str(root),
           *(f"--exclude={pattern}" for pattern in left_out)]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as src:
        done = subprocess.run(tar, stdin=src.stdout, stderr=subprocess.PIPE, text=True)
    if done.returncode or src.returncode:
        pathlib.Path(deb).unlink(missing_ok=True)
        raise Fail(f"{pathlib.Path(deb).name} cannot be unpacked "
                   f"({(done.stderr.strip().splitlines() or ['damaged'])[-1]}): "
                   "it was removed; run the same command again")
