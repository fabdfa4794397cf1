# SPDX-License-Identifier: BSD-2-Clause
"""Building the box: hypervisor, kernel, initrd and dom0's root image, from Debian packages."""

import fcntl
import glob
import gzip
import hashlib
import lzma
import os
import pathlib
import shutil
import stat
import struct
import subprocess
import tempfile
import zlib

from . import cpio, debs, kmod, paths
from .msg import Fail, Progress

HYPERVISOR = "xen-system-amd64/xen-hypervisor-[0-9.]+-amd64"
KERNEL = "linux-image-amd64/linux-image-[0-9].*"
ROOT_MIB = 640                              # of which what is unused takes no disk space
LEFT_OUT = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/info/*", "./usr/share/locale/*",
            "./usr/share/lintian/*", "./usr/include/*", "./var/cache/*")


class Lock:
    """One builder at a time; the others wait and then find the work done."""

    def __enter__(self):
        paths.BOX.mkdir(parents=True, exist_ok=True)
        self.fd = os.open(paths.BOX / "build.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        # Whoever was killed while building left its directory behind.
        for left in paths.BOX.glob("tmp.*"):
            shutil.rmtree(left, ignore_errors=True)
        return self

    def __exit__(self, *_):
        os.close(self.fd)


def publish(temporary, final):
    """Give a finished file its name: readers see the old one or the new one, never half of one."""
    os.replace(temporary, final)


def work_dir():
    """A directory for half-made things, on the file system of the results."""
    return tempfile.TemporaryDirectory(prefix="tmp.", dir=paths.BOX)


def listed(name):
    """The lines of a list in tools/box, without comments."""
    lines = (line.split("#")[0].strip() for line in open(paths.SRC / name))
    return [line for line in lines if line]


def run(command, what, **more):
    try:
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    except FileNotFoundError:
        raise Fail(f"{what}: no {command[0]}; install it (tools/packages.list names the package)")
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no message"])[-1]
        raise Fail(f"{what} failed: {last}")
    return done.stdout


def tool(name):
    """A program that lives in sbin is found without sbin in PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or name


# --- hypervisor and kernel ---------------------------------------------------------------------

def build_hypervisor():
    deb, = debs.fetch([HYPERVISOR])
    with work_dir() as tmp, Progress("unpacking the hypervisor", always=True):
        debs.unpack(deb, tmp)
        packed = sorted(glob.glob(f"{tmp}/boot/xen-*.gz"))
        if not packed:
            raise Fail(f"{deb.name} holds no /boot/xen-*.gz: unexpected package layout")
        with gzip.open(packed[0]) as src, open(f"{tmp}/xen", "wb") as dst:
            shutil.copyfileobj(src, dst)
        publish(f"{tmp}/xen", paths.XEN)


def build_kernel():
    """vmlinuz and lib/modules, reduced to the modules of the box and what they need."""
    deb, = debs.fetch([KERNEL])
    with work_dir() as tmp, Progress("unpacking the kernel", always=True):
        debs.unpack(deb, tmp)
        tree, = pathlib.Path(tmp, "lib/modules").iterdir()
        order = kmod.closure(tree, listed("modules") + listed("guest-modules"))
        chosen = pathlib.Path(tmp, "chosen", tree.name)
        kmod.copy(tree, chosen, order)
        vmlinuz, = glob.glob(f"{tmp}/boot/vmlinuz-*")
        unpack_kernel(vmlinuz)
        shutil.rmtree(paths.BOX / "modules", ignore_errors=True)
        publish(f"{tmp}/chosen", paths.BOX / "modules")
        publish(vmlinuz, paths.VMLINUZ)


def unpack_kernel(path):
    """Replace a bzImage by the ELF file in it, if it is packed in a way known here. Xen and xl could
    unpack it as well, but slowly, each time."""
    image = pathlib.Path(path).read_bytes()
    if image[0x202:0x206] != b"HdrS":
        return
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    begin = (sectors + 1) * 512 + offset
    payload = image[begin:begin + length]
    try:
        if payload[:6] == b"\xfd7zXZ\0":
            payload = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
        elif payload[:2] == b"\x1f\x8b":
            payload = zlib.decompressobj(31).decompress(payload)
    except (lzma.LZMAError, zlib.error):
        return
    if payload[:4] == b"\x7fELF":
        pathlib.Path(path).write_bytes(payload)


def modules_tree():
    tree, = (paths.BOX / "modules").iterdir()
    return tree


# --- dom0 --------------------------------------------------------------------------------------

def build_initrd():
    archive = cpio.Archive()
    for name in ("bin", "dev", "image", "layer", "modules", "root"):
        archive.directory(name)
    archive.node("dev/console", stat.S_IFCHR | 0o600, 5, 1)
    archive.node("dev/null", stat.S_IFCHR | 0o666, 1, 3)
    archive.file("init", (paths.SRC / "initrd-init").read_bytes(), 0o755)
    archive.file("bin/busybox", busybox(), 0o755)
    tree = modules_tree()
    order = kmod.closure(tree, listed("modules"))
    for path in order:
        archive.file(f"modules/{path.name}", path.read_bytes(), 0o644)
    archive.file("modules/order", "".join(f"{p.name}\n" for p in order).encode(), 0o644)
    temporary = f"{paths.INITRD}.new"
    pathlib.Path(temporary).write_bytes(archive.bytes())
    publish(temporary, paths.INITRD)


def busybox():
    deb, = debs.fetch(["busybox-static"])
    with work_dir() as tmp:
        debs.unpack(deb, tmp)
        for place in ("bin/busybox", "usr/bin/busybox"):
            if os.path.exists(f"{tmp}/{place}"):
                return pathlib.Path(tmp, place).read_bytes()
    raise Fail(f"{deb.name} holds no busybox: unexpected package layout")


def build_root(programs):
    files = debs.fetch(listed("packages"), closure=True)
    debs.check_space(paths.BOX, 2 * ROOT_MIB)
    with work_dir() as tmp, Progress("building dom0's root", always=True) as progress:
        root = pathlib.Path(tmp, "root")
        merge_usr(root)
        for i, deb in enumerate(files):
            progress.update(f"{i + 1}/{len(files)} {deb.name.split('_')[0]}")
            debs.unpack_into(deb, root, LEFT_OUT)
        configure(root)
        box = root / "box"
        box.mkdir()
        for script in ("boot", "settle"):
            shutil.copy(paths.SRC / script, box / script)
        for program in programs:
            shutil.copy(program, box / pathlib.Path(program).name)
        shutil.copytree(modules_tree(), root / "usr/lib/modules" / modules_tree().name)
        progress.update("packing")
        image = f"{tmp}/root.img"
        run([tool("mke2fs"), "-q", "-F", "-t", "ext4", "-O",
             "^has_journal,^metadata_csum,^resize_inode",
             "-E", "root_owner=0:0,hash_seed=5d0b0c00-0000-4000-8000-000000000000", "-U", "clear",
             "-m", "0", "-N", "40000", "-L", "dom0", "-d", root, image, f"{ROOT_MIB}M"],
            "packing dom0's root", env=dict(os.environ, MKE2FS_CONFIG="/dev/null"))
        run(["fallocate", "--dig-holes", image], "making the root image sparse")
        publish(image, paths.ROOT)


def merge_usr(root):
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in ("image", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp"):
        (root / name).mkdir(exist_ok=True)


def configure(root):
    """What the packages' installation scripts would have left, as far as it matters here."""
    etc = root / "etc"
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n"
                                "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n")
    (etc / "group").write_text("root:x:0:\ntty:x:5:\ndisk:x:6:\nnogroup:x:65534:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost box\n")
    (etc / "hostname").write_text("box\n")
    (etc / "resolv.conf").write_text("nameserver 10.0.2.3\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (etc / "fstab").write_text("")
    (etc / "mtab").unlink(missing_ok=True)
    (etc / "mtab").symlink_to("../proc/self/mounts")
    for link, target in (("sh", "dash"), ("awk", "mawk"), ("pager", "less")):
        (root / "usr/bin" / link).unlink(missing_ok=True)
        (root / "usr/bin" / link).symlink_to(target)
    for link, target in (("var/run", "../run"), ("var/lock", "../run/lock")):
        if not (root / link).is_symlink():
            shutil.rmtree(root / link, ignore_errors=True)
            (root / link).symlink_to(target)
    for name in ("var/lib/xen/dump", "var/lib/xen/userdata-d", "var/log/xen/console"):
        (root / name).mkdir(parents=True, exist_ok=True)
    # Files may belong to whoever builds; so nothing may change the user it runs as.
    for folder, _, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & 0o6000:
                os.chmod(path, stat.S_IMODE(mode) & ~0o6000)


def build_linux_guest():
    """A Debian Linux PV guest to compare with and to test against: vmlinuz and initrd."""
    archive = cpio.Archive()
    for name in ("bin", "dev", "modules"):
        archive.directory(name)
    archive.node("dev/console", stat.S_IFCHR | 0o600, 5, 1)
    archive.file("init", (paths.SRC / "guest-init").read_bytes(), 0o755)
    archive.file("bin/busybox", busybox(), 0o755)
    order = kmod.closure(modules_tree(), listed("guest-modules"))
    for path in order:
        archive.file(f"modules/{path.name}", path.read_bytes(), 0o644)
    archive.file("modules/order", "".join(f"{p.name}\n" for p in order).encode(), 0o644)
    paths.LINUX_GUEST.mkdir(parents=True, exist_ok=True)
    shutil.copy(paths.VMLINUZ, paths.LINUX_GUEST / "vmlinuz.new")
    publish(paths.LINUX_GUEST / "vmlinuz.new", paths.LINUX_GUEST / "vmlinuz")
    (paths.LINUX_GUEST / "initrd.new").write_bytes(archive.bytes())
    publish(paths.LINUX_GUEST / "initrd.new", paths.LINUX_GUEST / "initrd")


# --- the whole ---------------------------------------------------------------------------------

def fingerprint(*files):
    """A short name for the contents of files and the texts given."""
    h = hashlib.sha256()
    for f in files:
        if isinstance(f, str):
            h.update(b"text\0" + f.encode() + b"\0")
        else:
            h.update(pathlib.Path(f).read_bytes())
    return h.hexdigest()[:16]


PROGRAMS = {                                # name: sources in tools/box
    "agent": ("agent.c", "job.c", "port.c"),
    "idle": ("idle.S",),
    "guestrun": ("guestrun.c", "console.c", "xs.c"),
}
MORE_CFLAGS = {"idle": ("-nostdlib", "-no-pie",
                        "-Wl,-N,-Ttext=0x400000,--section-start=.note.Xen=0x403000",
                         "-Wl,--no-warn-rwx-segments,--build-id=none")}
CFLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-static", "-fstack-protector-strong")


def build_program(name):
    compiler = os.environ.get("HOSTCC", "gcc")
    sources = [paths.SRC / s for s in PROGRAMS[name]]
    (paths.BOX / "bin").mkdir(parents=True, exist_ok=True)
    final = paths.BOX / "bin" / name
    run([compiler, *CFLAGS, *MORE_CFLAGS.get(name, ()), *sources, "-o", f"{final}.new"],
        f"compiling dom0's {name}")
    publish(f"{final}.new", final)


def _steps():
    """(result, its inputs as a fingerprint, what builds it), in order."""
    src = paths.SRC
    code = paths.TOOLS / "xenboxlib"
    headers = sorted(src.glob("*.h"))
    yield paths.XEN, lambda: fingerprint(HYPERVISOR), build_hypervisor
    yield (paths.VMLINUZ, lambda: fingerprint(KERNEL, "unpacked", src / "modules", src / "guest-modules",
                                              code / "kmod.py"), build_kernel)
    for name, sources in PROGRAMS.items():
        yield (paths.BOX / "bin" / name,
               lambda sources=sources: fingerprint(*headers, *(src / s for s in sources)),
               lambda name=name: build_program(name))
    yield (paths.INITRD, lambda: fingerprint(str(paths.VMLINUZ.stat().st_mtime_ns),
                                             src / "initrd-init", src / "modules",
                                             code / "cpio.py"), build_initrd)
    programs = [paths.BOX / "bin" / name for name in PROGRAMS]
    yield (paths.ROOT, lambda: fingerprint(str(paths.VMLINUZ.stat().st_mtime_ns), *programs,
                                           src / "boot", src / "settle", src / "packages",
                                           code / "image.py"),
           lambda: build_root(programs))
    yield (paths.LINUX_GUEST / "initrd",
           lambda: fingerprint(str(paths.VMLINUZ.stat().st_mtime_ns), src / "guest-init",
                               src / "guest-modules", code / "cpio.py"), build_linux_guest)


def _stale(result, key):
    try:
        return not result.exists() or pathlib.Path(f"{result}.key").read_text() != key()
    except OSError:
        return True


def ensure(*results):
    """Have the parts of the box (all, or those named) built and current."""
    if not any(_stale(r, k) for r, k, _ in _steps() if not results or r in results):
        return
    with Lock():
        for result, key, build in _steps():
            if (not results or result in results) and _stale(result, key):
                pathlib.Path(f"{result}.key").unlink(missing_ok=True)
                build()
                pathlib.Path(f"{result}.key").write_text(key())


def check_space(mib):
    debs.check_space(paths.BOX, mib)


def need_hypervisor():
    ensure(paths.XEN)
    return paths.XEN
