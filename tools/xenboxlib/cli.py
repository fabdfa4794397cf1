# SPDX-License-Identifier: BSD-2-Clause
"""The command line: verbs, options, and one clear line for wrong usage."""

import argparse
import signal
import sys

from . import msg
from .msg import Fail


class Parser(argparse.ArgumentParser):
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


def add_direct(verbs):
    p = verbs.add_parser("direct", help="boot an image as Xen's initial domain, without Linux",
                         description="Boot IMAGE as Xen's initial domain: no Linux, no xenstore, "
                         "about two seconds. Prints the serial port; ends when the domain does.")
    p.add_argument("--memory", type=positive, default=64, metavar="MiB")
    p.add_argument("--vcpus", type=positive, default=1, metavar="N")
    p.add_argument("--ramdisk", metavar="FILE")
    p.add_argument("--timeout", type=seconds, default=60.0, metavar="S")
    p.add_argument("--icount", action="store_true", help="time counts instructions")
    p.add_argument("--extra", default="", metavar="TEXT", help="the guest's command line, raw")
    p.add_argument("--xen", action="append", default=[], metavar="ARG", help="one more Xen option")
    p.add_argument("--qemu", action="append", default=[], metavar="ARG", help="one more QEMU option")
    p.add_argument("-q", "--quiet", action="store_true", help="hide Xen's own lines")
    p.add_argument("image", metavar="IMAGE")
    p.set_defaults(function="direct")


def parser():
    p = Parser(prog="xenbox", description="Real Xen with a Linux dom0 in QEMU, and guests in it.")
    p.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")
    verbs = p.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    add_direct(verbs)
    return p


def dispatch(args):
    if args.function == "direct":
        from . import direct
        return direct.run(args)
    raise Fail("no such verb")


def main(argv):
    try:
        p = parser()
        args = p.parse_args(argv)
        if not args.verb:
            p.print_usage(sys.stderr)
            return 2
        msg.verbose = args.verbose
        return dispatch(args)
    except Fail as e:
        msg.error(e)
        return e.status
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
