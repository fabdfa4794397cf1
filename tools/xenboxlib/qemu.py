# SPDX-License-Identifier: BSD-2-Clause
"""QEMU: its command line, its monitor, and what must be true of an image given to it."""

import json
import os
import re
import shutil
import socket
import struct
import subprocess

from . import paths, wire
from .msg import Fail

BINARY = os.environ.get("XENBOX_QEMU", "qemu-system-x86_64")
DOM0_MIB = 1024
# QEMU's XSAVE and XRSTOR do not look at CR0.TS (hardware traps). With Xen's lazy switching of the floating-point
# registers a dom0 that came back to a processor restored a process's registers behind Xen's back, and Xen put
# older ones over them at the next instruction: programs of dom0 died with a corrupted heap, the more often
# the more vCPUs there were.
EAGER_FPU = "spec-ctrl=eager-fpu"
# Xen 4.17's credit2 lets an idle processor take a vCPU that waits for another one only when the vCPU has credit for
# 500 us more than the idle one. Who ran long without being looked at (QEMU's thread had to wait for the machine) has
# none left, just as the idle one: he stays runnable, both processors stay idle, and the box stands still.
MIGRATE = "sched_credit2_migrate_resist=0"
XEN_ARGS = ("console=com1", "com1=115200,8n1", "dom0=pv", f"dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M",
            "dom0_max_vcpus=1", "noreboot", "bootscrub=off", "loglvl=all", "guest_loglvl=all", EAGER_FPU, MIGRATE)
DOM0_ARGS = ("console=hvc0", "quiet", "panic=-1", "oops=panic", "mitigations=off",
             "init_on_alloc=0", "audit=0", "norandmaps",
             "apparmor=0", "random.trust_cpu=on", "ipv6.disable_ipv6=1")


def binary():
    found = shutil.which(BINARY)
    if not found:
        raise Fail(f"no {BINARY}: install the package qemu-system-x86")
    return found


def version():
    """Text that changes when the QEMU does: a saved box belongs to the one that wrote it."""
    try:
        stat = os.stat(os.path.realpath(binary()))
        said = subprocess.run([binary(), "--version"], stdout=subprocess.PIPE, text=True).stdout
        return f"{said.splitlines()[0]} {stat.st_mtime_ns} {stat.st_size}"
    except (OSError, IndexError):
        raise Fail(f"{BINARY} does not start: reinstall the package qemu-system-x86")


def base(accel, ram, cpus, icount=False, machine=""):
    """What every QEMU of ours has in common. SMAP kills dom0 under TCG, so it is off."""
    args = [binary(), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", f"pc,hpet=on{machine}", "-m", str(ram)]
    if icount:
        return args + ["-accel", "tcg,thread=single", "-cpu", "max,-smap,-smep", "-smp", "1",
                       "-icount", "shift=0,sleep=off"]
    if accel == "kvm":
        return args + ["-accel", "kvm", "-cpu", "host,-smap,-smep", "-smp", str(cpus)]
    return args + ["-accel", "tcg,thread=multi", "-cpu", "max,-smap,-smep", "-smp", str(cpus)]


def box_command(spec, sockets, memory_file=None, shared=False, incoming=False, forwards=()):
    """The command line of a box. `sockets`: names of listening sockets and their descriptors.
    Run it in the box's run directory."""
    args = base(spec.accel, spec.ram, spec.cpus, spec.icount, ",memory-backend=ram")
    if memory_file:
        args += ["-object",
                 f"memory-backend-file,id=ram,size={spec.ram}M,mem-path={_quote(memory_file)},"
                 f"share={'on' if shared else 'off'}" + ("" if shared else ",reserve=off")]
    else:
        args += ["-object", f"memory-backend-ram,id=ram,size={spec.ram}M,reserve=off"]
    if incoming:
        args += ["-incoming", "defer"]
    args += ["-kernel", str(paths.XEN), "-append", " ".join(XEN_ARGS),
             "-initrd", f"vmlinuz {' '.join(DOM0_ARGS)},initrd",
             "-chardev", f"file,id=log,path={_quote(spec.logs / 'xen.log')},append=on",
             "-serial", "chardev:log",
             "-drive", f"if=none,id=root,file={_quote(paths.ROOT)},format=raw,readonly=on",
             "-device", "virtio-blk-pci,drive=root,addr=3",
             "-device", "virtio-scsi-pci,id=scsi,addr=4",
             "-netdev", "user,id=net,dhcpstart=10.0.2.20" + "".join(f",hostfwd={_quote(f)}" for f in forwards),
             "-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:01,addr=5",
             "-device", "virtio-serial-pci,max_ports=31,addr=6"]
    for number in range(wire.PORTS):
        name = f"port{number}"
        args += ["-chardev", f"socket,id={name},fd={sockets[name]},server=on,wait=off",
                 "-device", f"virtserialport,chardev={name},name=box.{number},nr={number + 1}"]
    args += ["-chardev", f"socket,id=qmp,fd={sockets['qmp']},server=on,wait=off",
             "-mon", "chardev=qmp,mode=control"]
    return args


def check_forward(text):
    """What QEMU would refuse only after it was started, which looks like a box that is broken."""
    found = re.fullmatch(r"(tcp|udp):([0-9.]*):([0-9]+)-([0-9.]*):([0-9]+)", text)
    if not found or not all(0 < int(found[n]) < 65536 for n in (3, 5)):
        raise Fail(f"--forward {text}: write it as tcp::8080-10.0.2.15:80 (that is dom0's port 80)",
                   status=2)
    kind = socket.SOCK_STREAM if found[1] == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as s:
        if found[1] == "tcp":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((found[2], int(found[3])))
        except OSError as e:
            raise Fail(f"--forward {text}: port {found[3]} of this machine: {e.strerror}; name "
                       f"another")


def _quote(path):
    """QEMU takes a doubled comma for a comma in an option's value."""
    return str(path).replace(",", ",,")


class Monitor:
    """QEMU's machine protocol, one client at a time."""

    def __init__(self, directory, seconds=20):
        import fcntl
        self.lock = os.open(f"{directory}/qmp.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            self.socket = wire.connect(directory, "qmp")
        except wire.Gone:
            os.close(self.lock)
            raise
        self.socket.settimeout(seconds)
        self.file = self.socket.makefile("rwb")
        self._read()
        self.do("qmp_capabilities")

    def _read(self):
        try:
            line = self.file.readline()
        except OSError as e:
            raise wire.Gone(str(e))
        if not line:
            raise wire.Gone("QEMU is gone")
        return json.loads(line)

    def do(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        try:
            self.file.write(json.dumps(request).encode() + b"\n")
            self.file.flush()
        except OSError as e:
            raise wire.Gone(str(e))
        while True:
            answer = self._read()
            if "error" in answer:
                raise Fail(f"QEMU refuses {command}: "
                           f"{answer['error'].get('desc', 'unknown error')}")
            if "return" in answer:
                return answer["return"]

    def ignore_shared(self):
        """Memory in a file is not part of what is saved: it is there already."""
        self.do("migrate-set-capabilities",
                capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def wait_event(self, *names):
        while True:
            answer = self._read()
            if answer.get("event") in names:
                return answer

    def close(self):
        self.file.close()
        self.socket.close()
        os.close(self.lock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def check_image(path):
    """A guest image must be an ELF file for this machine, or one xl can unpack (gzip, xz, …)."""
    if not os.path.exists(path):
        raise Fail(f"{path}: no such image; build it first, or check the name")
    if not os.path.isfile(path):
        raise Fail(f"{path}: not a file; give the ELF image of a guest")
    try:
        with open(path, "rb") as f:
            head = f.read(0x210)
    except OSError as e:
        raise Fail(f"{path}: {e.strerror}; give a readable image")
    if head[:4] == b"\x7fELF":
        if len(head) < 64 or head[4] not in (1, 2) or head[5] != 1:
            raise Fail(f"{path}: a damaged ELF file; build it again")
        kind, machine = struct.unpack_from("<HH", head, 16)
        if machine not in (3, 62):
            raise Fail(f"{path}: an ELF file for another processor (machine {machine}); "
                       "build it with stardust-cc")
        if kind != 2:
            raise Fail(f"{path}: an ELF file that is no program (type {kind}); link it with "
                       f"stardust-cc")
        return
    if head[:2] == b"\x1f\x8b" or head[:6] == b"\xfd7zXZ\0" or head[0x202:0x206] == b"HdrS":
        return
    raise Fail(f"{path}: not an ELF image; build it with stardust-cc")
