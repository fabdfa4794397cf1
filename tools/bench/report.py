# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the table: one figure of both guests, and whether it is what we aim for."""

import json
import statistics

from box import Failed


class Row:
    """`less` says which way is better. A goal is a number in the row's unit that must not be exceeded
    (or, when more is better, be reached)."""

    def __init__(self, name, unit, less=True, goal=None, digits=0):
        self.name, self.unit, self.less, self.goal, self.digits = name, unit, less, goal, digits
        self.samples = {"stardust": [], "linux": []}
        self.errors = {}
        self.note = ""

    def add(self, who, values):
        self.samples[who] += values

    def fail(self, who, why):
        self.errors.setdefault(who, str(why))

    def value(self, who):
        """The median; None when there is nothing to take it from, or when any try failed."""
        if who in self.errors or not self.samples[who]:
            return None
        return statistics.median(self.samples[who])

    def better(self):
        """How many times better than Linux we are; below 1 we are worse."""
        ours, theirs = self.value("stardust"), self.value("linux")
        if not ours or not theirs:
            return None
        return theirs / ours if self.less else ours / theirs

    def aim_at_linux(self, times):
        """The goal is to be so many times better than Linux, once its figure is known."""
        theirs = self.value("linux")
        if theirs:
            self.goal = theirs / times if self.less else theirs * times

    def met(self):
        ours = self.value("stardust")
        if self.goal is None or ours is None:
            return None
        return ours <= self.goal if self.less else ours >= self.goal

    def number(self, value):
        return "–" if value is None else f"{value:,.{self.digits}f}"

    def shown(self, who):
        return "failed" if who in self.errors else self.number(self.value(who))

    def cells(self):
        better, met = self.better(), self.met()
        goal = "" if self.goal is None else f"{'≤' if self.less else '≥'} {self.number(self.goal)}"
        return [self.name, self.unit, self.shown("stardust"), self.shown("linux"),
                "" if better is None else f"{better:,.2f}×", goal,
                "" if met is None else "yes" if met else "NO"]

    def as_json(self):
        return {"name": self.name, "unit": self.unit, "less_is_better": self.less,
                "stardust": self.value("stardust"), "linux": self.value("linux"),
                "better_than_linux": self.better(), "goal": self.goal, "met": self.met(),
                "samples": self.samples, "errors": self.errors, "note": self.note}


HEADS = ["row", "unit", "stardust", "linux", "better", "goal", "met"]
LEFT = (0, 1)


def table(rows):
    lines = [HEADS] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    text = []
    for line in lines:
        text.append("  ".join(cell.ljust(width) if i in LEFT else cell.rjust(width)
                              for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
    text.insert(1, "─" * len(text[0]))
    for row in rows:
        for who, why in row.errors.items():
            text.append(f"failed: {row.name}, {who}: {why}")
    return "\n".join(text)


def write_json(path, rows, facts):
    with open(path, "w", encoding="utf-8") as f:
        json.dump({**facts, "rows": [row.as_json() for row in rows]}, f, indent=1)
        f.write("\n")


def take(row, who, sample):
    """Add what sample() returns; a failure is the row's, and no other row's."""
    try:
        row.add(who, sample())
    except Failed as why:
        row.fail(who, why)
        if why.__class__ is not Failed:
            raise
