# SPDX-License-Identifier: BSD-2-Clause
"""xenbox run: one guest, its console on our standard output, its status as ours."""

import contextlib
import os
import pathlib
import re
import secrets
import signal
import time

from . import box as boxes
from . import client, guard, msg, qemu, wire
from .msg import Fail

EXTRA_MAX = 1023            # Xen: MAX_GUEST_CMDLINE, with the terminating zero
OVERHEAD_MIB = 512          # Xen's own memory and its tables, beside dom0 and the guest
CANCEL_SECONDS = 8
END_KEY = 0x1D              # Ctrl-]
INTERRUPT_KEY = 0x03
CRASHES = ("3", "4")        # Xen's SHUTDOWN_crash and SHUTDOWN_watchdog, as guestrun gives them


# --- the guest's configuration -------------------------------------------------------------------

def cfg_pieces(text):
    """`text` as strings of xl's configuration syntax, to be joined. A string there cannot hold its
    own quote in any way, so text with both kinds takes several."""
    pieces, rest = [], text
    while rest or not pieces:
        best = max((re.match(f"[^{q}]*", rest)[0] for q in "\"'"), key=len)
        quote = "'" if '"' in best else '"'
        pieces.append(quote + best.replace("\\", "\\\\").replace("\n", "\\n") + quote)
        rest = rest[len(best):]
    return pieces


def cfg_string(text):
    pieces = cfg_pieces(text)
    if len(pieces) > 1:
        raise Fail(f"{text}: xl cannot take a name with both kinds of quotes: rename it")
    return pieces[0]


def cfg_lines(key, text):
    first, *more = cfg_pieces(text)
    return [f"{key} = {first}"] + [f"{key} += {piece}" for piece in more]


def word(text):
    """One word as a POSIX shell would read it."""
    if text and re.fullmatch(r"[A-Za-z0-9_@%+=:,./^~-]+", text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def extra_of(args):
    for pair in args.env:
        if not re.match(r"[A-Za-z_][A-Za-z0-9_]*=", pair):
            raise Fail(f"--env {pair}: write NAME=value", status=2)
    words = [word(p) for p in args.env]
    # A quote around the whole would hide the = of an assignment.
    words = [re.sub(r"^'([A-Za-z_][A-Za-z0-9_]*=)", r"\1'", w) for w in words]
    if args.args or words:
        words += ["--"] + [word(a) for a in args.args]
    text = " ".join(([args.extra] if args.extra else []) + words)
    if len(os.fsencode(text)) > EXTRA_MAX:
        raise Fail(f"the arguments take {len(os.fsencode(text))} bytes and a guest's command line "
                   f"holds {EXTRA_MAX}: put them into a file and give it with --ramdisk")
    return text


def parse_disk(text):
    path, mode = text, "w"
    for suffix, value in ((",ro", "r"), (",rw", "w")):
        if text.endswith(suffix):
            path, mode = text[:-3], value
    if not os.path.exists(path):
        raise Fail(f"{path}: no such disk image; make it with `truncate -s 64M {path}`, or check "
                   f"the name")
    if os.path.isdir(path):
        raise Fail(f"{path}: a directory, not a disk image")
    if not os.access(path, os.R_OK if mode == "r" else os.R_OK | os.W_OK):
        raise Fail(f"{path}: no permission to use it as a disk; change its mode, or add ,ro")
    return os.path.abspath(path), mode


def cfg_value(text, key):
    """The last `key = "value"` of a configuration, or None."""
    found = re.findall(rf"^[ \t]*{key}[ \t]*=[ \t]*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([0-9]+))",
                       text, re.M)
    return "".join(found[-1]) if found else None


class Guest:
    """What is to be run: files checked, configuration composed."""

    def __init__(self, args):
        self.text = ""
        folder = "."
        if args.cfg:
            try:
                self.text = pathlib.Path(args.cfg).read_text(errors="surrogateescape")
            except OSError as e:
                raise Fail(f"{args.cfg}: {e.strerror}; name an existing configuration with --cfg")
            folder = os.path.dirname(args.cfg) or "."
        self.image = args.image or self.from_cfg("kernel", folder)
        if not self.image:
            raise Fail("no IMAGE, and no kernel= in a --cfg; see xenbox run --help", status=2)
        qemu.check_image(self.image)
        self.ramdisk = args.ramdisk or self.from_cfg("ramdisk", folder)
        if self.ramdisk and not os.path.isfile(self.ramdisk):
            raise Fail(f"{self.ramdisk}: no such ramdisk; make it with `find . | cpio -o -H "
                       f"newc`, or check the name")
        if self.ramdisk and not os.path.getsize(self.ramdisk):
            raise Fail(f"{self.ramdisk}: an empty file is no ramdisk; make it with `find . | "
                       f"cpio -o -H newc`")
        self.disks = [parse_disk(d) for d in args.disk]
        if len(self.disks) > 26:
            raise Fail("more than 26 disks", status=2)
        memory = args.memory or cfg_value(self.text, "memory")
        self.memory = int(memory or 64)
        self.extra = extra_of(args)
        self.args = args
        if args.name:
            self.name = boxes.valid_name(args.name, "a guest")
            return
        base = re.sub(r"[^A-Za-z0-9_.-]", "-", os.path.basename(self.image))[:24] or "guest"
        self.name = f"{base}-{os.getpid()}-{secrets.token_hex(2)}"

    def from_cfg(self, key, folder):
        path = cfg_value(self.text, key)
        if path and not os.path.isabs(path) and not os.path.exists(path):
            path = os.path.join(folder, path)
        return path

    def cfg(self, image_path, ramdisk_path, disk_paths, bridge):
        args = self.args
        lines = [self.text.rstrip("\n")] if self.text else []
        lines += [f"name = {cfg_string(self.name)}", 'type = "pv"',
                  f"kernel = {cfg_string(image_path)}"]
        if ramdisk_path:
            lines.append(f"ramdisk = {cfg_string(ramdisk_path)}")
        if args.memory or cfg_value(self.text, "memory") is None:
            lines.append(f"memory = {self.memory}")
        if args.vcpus or cfg_value(self.text, "vcpus") is None:
            lines.append(f"vcpus = {args.vcpus or 1}")
        if self.extra or not self.text:
            lines += cfg_lines("extra", self.extra)
        lines.append('tsc_mode = "native"')
        if args.vif:
            lines.append(f"vif = [ {cfg_string('bridge=' + bridge if bridge else '')} ]")
        if disk_paths:
            specs = (f"format=raw, vdev=xvd{chr(97 + i)}, access={mode}, target={path}"
                     for i, (path, mode) in enumerate(disk_paths))
            lines.append(f"disk = [ {', '.join(cfg_string(s) for s in specs)} ]")
        # The domain stays when it has ended, so that neither output nor status is lost.
        lines += [f'on_{event} = "preserve"' for event in ("poweroff", "reboot", "crash",
                                                           "watchdog", "soft_reset")]
        return "\n".join(lines + args.set) + "\n"


# --- what guestrun says --------------------------------------------------------------------------

XL_MEANINGS = (
    (r"not enough memory for initial mapping|segment \w+ too large|Out of memory.*p2m|xc_dom_alloc_.*failed",
     "--memory {memory} is too little for this image: give it more"),
    (r"failed to free memory|not enough.*free memory|insufficient.*memory|Cannot allocate memory|"
     r"domain creation failure.*-3|xc_domain_populate|failed to claim|could not make domain.*-28",
     "{place} has no {memory} MiB left for a guest: {more}"),
    (r"[Ii]nvalid kernel|no loader|elf_init|ELF|unsupported|xc_dom_parse_image|xc_dom_find_loader",
     "{image} is no image that Xen can start as a PV guest ({detail}): build it again"),
    (r"config parsing error|syntax error|Failed to parse config|parsing.*failed",
     "xl does not understand the configuration ({detail}): check --set and --cfg"),
)


class Report:
    """Standard error of guestrun: what xl said, and how it ended."""

    def __init__(self, logs, name):
        self.lines, self.rest = [], b""
        self.domid = self.reason = self.status = None
        logs.mkdir(parents=True, exist_ok=True)
        self.path = logs / f"xl-{name}.log"
        self.file = open(self.path, "ab")

    def feed(self, data):
        self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        for raw in lines:
            kind, _, text = raw.decode(errors="replace").partition(" ")
            if kind == "xl":
                self.lines.append(text)
            elif kind == "domid":
                self.domid = text
            elif kind == "ended":
                self.reason = text
            elif kind == "status":
                self.status = text
            else:
                self.lines.append(raw.decode(errors="replace"))
        self.file.write(data)
        self.file.flush()

    def failure(self, guest, on_host=False):
        place, more = "this box", "end others, ask for less, or `xenbox up --ram` more"
        if on_host:
            place, more = "Xen", "end others, shrink dom0 (`xl mem-set 0`), or ask for less"
        errors = [l for l in self.lines if re.search(r"error|fail|invalid|panic", l, re.I)]
        said = errors[:1] or self.lines[-1:] or ["no message"]
        detail = clean(said[0])
        for pattern, meaning in XL_MEANINGS:
            hit = next((l for l in self.lines if re.search(pattern, l)), None)
            if hit:
                return meaning.format(memory=guest.memory, image=guest.image, detail=clean(hit),
                                      place=place, more=more)
        return f"xl create failed: {detail}"


def clean(line):
    """The part of a libxl message that means something to a reader."""
    line = re.sub(r"^(libxl|xc|xl|libxenlight)?:? ?(error|detail|panic|warn\w*):\s*", "",
                  line.strip())
    line = re.sub(r"^(error|panic):\s*", "", line)
    line = re.sub(r"^[\w.]+\.c:\d+:?[\w]*:?\s*", "", line)
    line = re.sub(r"^(Domain \d+:)?", "", line)
    line = re.sub(r": Internal error$", "", line)
    return line.strip()


# --- running -------------------------------------------------------------------------------------

class Keys(client.Signals):
    """A person's keyboard: Ctrl-C goes to the guest, twice within a second or Ctrl-] ends it."""

    def __init__(self, person):
        super().__init__(self.interrupt)
        self.person = person

    def interrupt(self, _talk):
        raise guard.Ended(signal.SIGINT)

    def filter_input(self, data):
        if not self.person:
            return data
        for byte in data:
            if byte == END_KEY or (byte == INTERRUPT_KEY and self.interrupted()):
                raise guard.Ended(signal.SIGINT)
        return data


def guestrun_args(guest, keep, person, remove):
    argv = []
    if guest.args.timeout and not guest.args.icount:
        argv += ["-t", str(guest.args.timeout)]
    if keep:
        argv.append("-k")
    if person:
        argv.append("-i")
    if remove:
        argv += ["-r", remove]
    return argv


def person_at_keyboard():
    try:
        return os.isatty(0)
    except OSError:
        return False


def run(args):
    guard.start()
    args.outcome = "box"
    with status_file(args):
        return run_somewhere(args)


@contextlib.contextmanager
def status_file(args):
    """One line that says what an exit status alone does not: whose it is. Opened first, so that a
    wrong name costs no run; empty when we were killed."""
    if not args.status_file:
        yield
        return
    try:
        file = open(args.status_file, "w")
    except OSError as e:
        raise Fail(f"--status-file {args.status_file}: {e.strerror}", status=2)
    try:
        yield
    except guard.Ended:
        args.outcome = "stopped"
        raise
    finally:
        with contextlib.suppress(OSError), file:
            print(args.outcome, file=file)


def run_somewhere(args):
    from . import host
    guest = Guest(args)
    if host.wanted(args):
        return host.run(guest)
    name = args.box
    if boxes.is_up(name) and not args.icount:
        if args.forward:
            msg.note(f"the box {name} is up already, so --forward has no effect: give it to "
                     f"`xenbox up`")
        box = boxes.Box(name)
        with box.talk() as talk:
            return run_in_box(guest, box, talk, keep=False)
    return run_in_own_box(guest)


def needed_ram(guest):
    ram = boxes.default_ram()
    while ram < guest.memory + guest.memory // 64 + qemu.DOM0_MIB + OVERHEAD_MIB:
        ram += 2048
    if ram > boxes.default_ram() and ram > boxes.host_ram():
        raise Fail(f"--memory {guest.memory} needs a box of {ram} MiB and this machine has "
                   f"{boxes.host_ram()} MiB: ask for less")
    return ram


def run_in_own_box(guest):
    from . import accel
    args = guest.args
    spec = boxes.Spec(accel.choose(), args.ram or needed_ram(guest), icount=args.icount)
    for forward in args.forward:
        qemu.check_forward(forward)
    box, talk = boxes.start(f"run-{os.getpid()}", spec, "run", args.forward)
    try:
        with talk:
            return run_in_box(guest, box, talk, keep=True)
    finally:
        box.end()


def run_in_box(guest, box, talk, keep):
    logs = box.logs
    remote = f"/tmp/run-{guest.name}"
    try:
        with Disks(box, talk, guest.disks, keep) as disks:
            client.put(talk, guest.image, f"{remote}/image", 0o644)
            if guest.ramdisk:
                client.put(talk, guest.ramdisk, f"{remote}/ramdisk", 0o644)
            cfg = guest.cfg(f"{remote}/image", f"{remote}/ramdisk" if guest.ramdisk else None,
                            disks.targets, "xenbr0")
            report = Report(logs, guest.name)
            status = converse(guest, talk, cfg, report, keep, remote)
        return conclude(guest, status, report, logs, lambda: client.collect_logs(talk, logs), keep)
    except wire.Gone:
        # QEMU's last words arrive a moment after its sockets close.
        time.sleep(0.1)
        raise Fail(f"the box ended while {guest.image} ran{boxes.died_of(logs)}; start it again",
                   log=logs)


def converse(guest, talk, cfg, report, keep, remote):
    person = person_at_keyboard()
    argv = ["/box/guestrun", *guestrun_args(guest, keep, person, remote), "--", guest.name, cfg]
    limit = guest.args.timeout + 20 if guest.args.timeout else None
    if guest.args.icount and guest.args.timeout:
        limit = guest.args.timeout
    terminal = client.raw_terminal(0, keep_output=True) if person else contextlib.nullcontext()
    with Keys(person) as keys, terminal:
        try:
            return talk.job("X", wire.exec_request(argv), stdin=client.stdin_fd(),
                            out=client.to_stdout,
                            err=report.feed, hooks=keys, seconds=limit)
        except TimeoutError:
            # The box ends guests in time itself, unless its clock counts instructions.
            if guest.args.icount:
                return 124
            raise Fail(f"the box stands still: no answer {limit:g} s after {guest.image} began; "
                       f"start it again", log=report.path)
        except guard.Ended:
            # A box of our own goes as a whole; in one that stays, the guest must be gone first.
            if not keep:
                with contextlib.suppress(wire.Gone):
                    talk.cancel(CANCEL_SECONDS)
            raise


def conclude(guest, status, report, logs, collect, own_box=False, on_host=False):
    """The exit status, and a line about a bad end. `collect` fetches Xen's words into `logs`."""
    if status == 125 and report.domid is None:
        raise Fail(report.failure(guest, on_host), log=report.path)
    # A guest that ended by itself gave a reason; the number alone may be its own.
    if status == 124 and report.reason in (None, "-1"):
        guest.args.outcome = "timeout"
        collect()
        raise Fail(f"{guest.image}: not finished within {guest.args.timeout:g} s, ended "
                   f"(--timeout)",
                   status=124, log=logs)
    crashed = report.reason in CRASHES
    by_signal = crashed or (report.status or "signal").startswith("signal")
    by_signal = by_signal and status > 128
    guest.args.outcome = f"signal {status - 128}" if by_signal else f"exit {status}"
    if crashed:
        # A box that stays keeps them; one look at Xen's words is for guests that had none.
        if own_box or report.status is None:
            collect()
        if report.status is None:
            show_xen_messages(report.domid, logs)
        msg.warn(f"{guest.image} crashed; logs: {msg.nice_path(logs)}")
    return status


def show_xen_messages(domid, logs):
    """A guest that could not report its own crash: what Xen said about it."""
    with contextlib.suppress(OSError):
        text = (logs / "xl-dmesg.log").read_text(errors="replace").splitlines()
        about = [i for i, l in enumerate(text) if f" d{domid}v" in l or f"Domain {domid} " in l]
        if about:
            report = text[about[0]:about[0] + 24]
            msg.raw_write("\n".join(report) + "\n")
            if lost_its_stack("\n".join(report)):
                msg.warn("Xen found no stack to deliver an exception on: probably a stack overflow, "
                         "most often by recursion; give the program a larger stack with "
                         "--set 'extra = \"stack=SIZE -- ...\"'")


def lost_its_stack(text):
    """Whether Xen's report is that of a guest whose stack pointer stood in memory that is not
    mapped."""
    rsp, cr2 = (re.search(rf"\b{name}: ([0-9a-f]{{16}})", text) for name in ("rsp", "cr2"))
    return bool(rsp and cr2 and 0 <= int(rsp[1], 16) - int(cr2[1], 16) + 4096 <= 8192)


class Disks:
    """Files of the host as disks of dom0, for as long as the guest runs."""

    def __init__(self, box, talk, disks, keep):
        self.box, self.talk, self.disks, self.keep = box, talk, disks, keep
        self.targets, self.slots = [], []

    def __enter__(self):
        try:
            for path, mode in self.disks:
                self.targets.append((self.attach(path, mode), mode))
        except BaseException:
            self.__exit__()
            raise
        return self

    def attach(self, path, mode):
        with qemu.Monitor(self.box.directory) as monitor:
            taken = {d["name"] for d in monitor.do("qom-list", path="/machine/peripheral")}
            slot = next(n for n in range(1, 255) if f"disk{n}" not in taken)
            driver = "host_device" if pathlib.Path(path).is_block_device() else "file"
            try:
                monitor.do("blockdev-add", driver="raw", node_name=f"node{slot}",
                           read_only=mode == "r",
                           file={"driver": driver, "filename": path})
            except Fail as e:
                hint = ""
                if "lock" in str(e):
                    hint = ": another guest uses it; use a copy, or ,ro in both"
                raise Fail(f"{path}: {e}{hint}")
            monitor.do("device_add", driver="scsi-hd", id=f"disk{slot}", bus="scsi.0", scsi_id=slot,
                       lun=0,
                       drive=f"node{slot}")
        self.slots.append(slot)
        script = ('for h in /sys/class/scsi_host/host*; do echo "0 $1 0" >$h/scan; done; n=0; '
                  'until ls /sys/bus/scsi/devices/*:0:$1:0/block 2>/dev/null || [ $n = 250 ]; '
                  'do sleep 0.02; n=$((n + 1)); done')
        _, out, _ = self.talk.run(["sh", "-c", script, "sh", str(slot)])
        if not out.strip():
            raise Fail(f"{path}: dom0 did not see the disk", log=self.box.logs)
        return f"/dev/{out.decode().split()[0]}"

    def __exit__(self, *_):
        if self.keep or not self.slots:
            return
        with contextlib.suppress(Fail, wire.Gone, OSError):
            for slot in self.slots:
                self.talk.run(["sh", "-c", "echo 1 >$(echo /sys/bus/scsi/devices/*:0:$0:0/delete)",
                               str(slot)],
                              seconds=10)
                with qemu.Monitor(self.box.directory) as monitor:
                    monitor.do("device_del", id=f"disk{slot}")
                    monitor.wait_event("DEVICE_DELETED")
                    monitor.do("blockdev-del", node_name=f"node{slot}")
