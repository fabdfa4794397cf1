# SPDX-License-Identifier: BSD-2-Clause
"""The command line: verbs, options, and one clear line for wrong usage."""

import argparse
import os
import signal

from . import guard, msg, wire
from .msg import Fail


class Parser(argparse.ArgumentParser):
    def __init__(self, *args, **more):
        super().__init__(*args, allow_abbrev=False, **more)

    def error(self, message):
        raise Fail(f"{message}; see {self.prog} --help", status=2)


def positive(text):
    try:
        value = int(text, 10)
    except ValueError:
        value = 0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return value


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


RUN_HELP = """\
Create one guest from IMAGE with the stock `xl create`, show its console, pass standard input and
Ctrl-C on to it, and exit with its status: 128 + signal when it crashed, 124 on time-out, 125 when
the box failed. A box that is up (`xenbox up`) is used; else one is started for this run and ends
with it. In a real dom0 the host's own xl is used, unless BOX=qemu or an option names a box."""

DIRECT_HELP = """\
Boot IMAGE as Xen's initial domain: no Linux, no xenstore, no back ends, about two seconds. Prints
the serial port, where the guest's CONSOLEIO output goes too; ends when the domain does, with the
status of its line `stardust: exit N`, or 139 when it crashed."""


def add_run(verbs):
    p = verbs.add_parser("run", help="run one guest and exit with its status", description=RUN_HELP)
    p.add_argument("--memory", type=positive, metavar="MiB", help="memory of the guest (64)")
    p.add_argument("--vcpus", type=positive, metavar="N", help="virtual CPUs of the guest (1)")
    p.add_argument("--vif", action="store_true", help="a network interface on the bridge xenbr0")
    p.add_argument("--forward", action="append", default=[], metavar="PROTO::PORT-ADDRESS:PORT",
                   help="a port of this machine to one of the guest, if a box is started: the "
                        "first guest that asks by DHCP gets 10.0.2.20")
    p.add_argument("--disk", action="append", default=[], metavar="FILE[,ro]",
                   help="a raw disk image, as xvda, xvdb, …")
    p.add_argument("--ramdisk", metavar="FILE", help="the guest's ramdisk")
    p.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                   help="a variable of the guest program's environment")
    p.add_argument("--extra", metavar="TEXT", help="text for the guest's command line, as it is")
    p.add_argument("--set", action="append", default=[], metavar="LINE",
                   help="one more line for xl's configuration")
    p.add_argument("--cfg", metavar="FILE", help="start from this xl configuration; its kernel= "
                                                 "is the image if none is given")
    p.add_argument("--name", metavar="NAME", help="name of the domain (one that is not in use)")
    p.add_argument("--timeout", type=seconds, metavar="S",
                   help="end the guest after S seconds, with status 124")
    p.add_argument("--status-file", metavar="FILE",
                   help="say there in one line how it ended, for scripts")
    p.add_argument("--ram", type=positive, metavar="MiB",
                   help="memory of the box, if one is started")
    p.add_argument("--icount", action="store_true",
                   help="a box of its own whose time counts instructions")
    p.add_argument("image", metavar="IMAGE", nargs="?")
    p.set_defaults(function="run")


def add_direct(verbs):
    p = verbs.add_parser("direct", help="boot an image as Xen's initial domain, without Linux",
                         description=DIRECT_HELP)
    p.add_argument("--memory", type=positive, default=64, metavar="MiB")
    p.add_argument("--vcpus", type=positive, default=1, metavar="N")
    p.add_argument("--ramdisk", metavar="FILE")
    p.add_argument("--timeout", type=seconds, default=60.0, metavar="S")
    p.add_argument("--icount", action="store_true", help="time counts instructions")
    p.add_argument("--extra", default="", metavar="TEXT", help="the guest's command line, raw")
    p.add_argument("--xen", action="append", default=[], metavar="ARG", help="one more Xen option")
    p.add_argument("--qemu", action="append", default=[], metavar="ARG",
                   help="one more QEMU option")
    p.add_argument("-q", "--quiet", action="store_true", help="hide Xen's own lines")
    p.add_argument("image", metavar="IMAGE")
    p.set_defaults(function="direct")


def add_box_verbs(verbs):
    p = verbs.add_parser("up", help="start a box that stays until `down`",
                         description="Start a box that stays until `xenbox down`.")
    p.add_argument("--ram", type=positive, metavar="MiB",
                   help="memory of the box; the host gives what is touched")
    p.add_argument("--cpus", type=positive, default=2, metavar="N", help="CPUs of the box (2)")
    p.add_argument("--icount", action="store_true", help="one CPU, and time counts instructions")
    p.add_argument("--forward", action="append", default=[], metavar="PROTO::PORT-ADDRESS:PORT",
                   help="a port of this machine to one in the box's network, e.g. "
                        "tcp::8080-10.0.2.16:80")
    p.set_defaults(function="up")
    p = verbs.add_parser("down", help="end a box", description="End the box and everything in it.")
    p.add_argument("--all", action="store_true", help="every box of this tree")
    p.set_defaults(function="down")
    p = verbs.add_parser("status", help="say which boxes are up",
                         description="Say which boxes are up; status 1 when none is.")
    p.set_defaults(function="status")
    p = verbs.add_parser("image", help="build what the box consists of",
                         description="Build hypervisor, kernel and dom0 from Debian packages, if "
                                     "they are not there.")
    p.set_defaults(function="image")


def add_work_verbs(verbs):
    p = verbs.add_parser("exec", help="run a command in dom0",
                         description="Run a command in dom0, with "
                         "standard input, output and status; Ctrl-C goes to it.")
    p.add_argument("-T", "--no-tty", action="store_true", help="no terminal for the command")
    p.add_argument("command", metavar="CMD", nargs=argparse.REMAINDER)
    p.set_defaults(function="exec")
    p = verbs.add_parser("shell", help="a shell in dom0", description="A shell in dom0.")
    p.set_defaults(function="shell")
    p = verbs.add_parser("console", help="the console of a running guest",
                         description="The console of a guest; Ctrl-] leaves it.")
    p.add_argument("guest", metavar="GUEST", nargs="?")
    p.set_defaults(function="console")
    p = verbs.add_parser("push", help="copy files into dom0",
                         description="Copy files or directories into dom0.")
    p.add_argument("source", metavar="FILE", nargs="+")
    p.add_argument("target", metavar="TARGET")
    p.set_defaults(function="push")
    p = verbs.add_parser("pull", help="copy files out of dom0",
                         description="Copy files or directories out of dom0.")
    p.add_argument("source", metavar="FILE", nargs="+")
    p.add_argument("target", metavar="TARGET")
    p.set_defaults(function="pull")
    p = verbs.add_parser("log", help="logs of the box and its guests",
                         description="Show a log; without arguments, where the logs are.")
    p.add_argument("what", choices=("dom0", "xen", "guest", "qemu"), nargs="?")
    p.add_argument("guest", metavar="NAME", nargs="?", help="the guest, for `log guest`")
    p.set_defaults(function="log")


def parser():
    p = Parser(prog="xenbox", description="Real Xen with a Linux dom0 in QEMU, and guests in it.",
               epilog="xenbox VERB --help says more. Boxes have names (-b, or $XENBOX); several "
                      "run side by side.")
    p.add_argument("-b", "--box", metavar="NAME", help="the box (default: $XENBOX, or `default`)")
    p.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")
    verbs = p.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    add_run(verbs)
    add_box_verbs(verbs)
    add_work_verbs(verbs)
    add_direct(verbs)
    return p


def split(argv):
    """What follows `--` belongs to the guest's program."""
    if "--" in argv:
        at = argv.index("--")
        return argv[:at], argv[at + 1:]
    return argv, []


def parse(argv):
    p = parser()
    ours, rest = split(argv)
    args = p.parse_args(ours)
    if args.verb == "exec":             # only the first -- may be ours, the command has its own
        args, rest = p.parse_args(argv), []
    if not args.verb:
        raise Fail("no verb; see xenbox --help", status=2)
    if args.verb == "exec":
        if args.command[:1] == ["--"]:
            del args.command[0]
        if not args.command:
            raise Fail("no command; see xenbox exec --help", status=2)
    elif rest and args.verb != "run":
        raise Fail(f"{args.verb} takes nothing after --; see xenbox {args.verb} --help", status=2)
    args.args = rest
    args.named = bool(args.box or os.environ.get("XENBOX"))
    args.box = args.box or os.environ.get("XENBOX") or "default"
    return args


def up(args):
    from . import accel, qemu
    from . import box as boxes
    guard.start()
    if boxes.is_up(args.box):
        raise Fail(f"the box {args.box} is up already; `xenbox down` ends it, -b NAME starts "
                   f"another", status=1)
    for forward in args.forward:
        qemu.check_forward(forward)
    spec = boxes.Spec(accel.choose(), args.ram, args.cpus, args.icount)
    started = boxes.start(args.box, spec, "up", args.forward)
    if started is None:
        raise Fail(f"the box {args.box} was started by someone else just now", status=1)
    box, talk = started
    talk.close()
    msg.note(f"the box {args.box} is up until `xenbox down`; logs: {msg.nice_path(box.logs)}")
    return 0


def down(args):
    from . import box as boxes
    from . import client, paths
    guard.start()
    boxes.sweep()
    names = sorted(d.name for d in paths.RUN.iterdir()) if args.all else [args.box]
    for name in names:
        if not boxes.is_up(name):
            msg.note(f"the box {name} is not up")
            continue
        box = boxes.Box(name)
        try:
            with box.talk(2) as talk:
                client.collect_logs(talk, box.logs)
        except Fail:
            pass
        box.end()
    return 0


def dispatch(args):
    from . import box as boxes
    boxes.valid_name(args.box)
    if args.function == "direct":
        from . import direct
        return direct.run(args)
    if args.function == "run":
        from . import run
        return run.run(args)
    if args.function in ("up", "down"):
        return {"up": up, "down": down}[args.function](args)
    if args.function == "image":
        from . import image
        guard.start()
        image.ensure()
        return 0
    return in_box(args)


def in_box(args):
    from . import client
    if args.function == "exec":
        return client.execute(args.box, args.command, False if args.no_tty else None)
    if args.function == "shell":
        return client.shell(args.box)
    if args.function == "console":
        return client.console(args.box, args.guest)
    if args.function == "push":
        return client.push(args.box, args.source, args.target)
    if args.function == "pull":
        return client.pull(args.box, args.source, args.target)
    if args.function == "log":
        return client.log(args.box, args.what, args.guest)
    return client.status(args.box, not args.named)


def main(argv):
    try:
        args = parse(argv)
        msg.verbose = args.verbose
        return dispatch(args)
    except Fail as e:
        msg.error(e)
        return e.status
    except guard.Ended as e:
        return e.status
    except TimeoutError:
        msg.error(Fail(f"the box {args.box} did not answer in time; look at `xenbox log`"))
        return 125
    except wire.Gone as e:
        msg.error(Fail(f"the box {args.box} ended ({e}); look at `xenbox log`"))
        return 125
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
