# SPDX-License-Identifier: BSD-2-Clause
"""The checked-in list of what is not to pass, the table, and build/posix.json."""

import json

COLUMNS = ("pass", "fail", "unresolved", "unsupported", "untested", "hang", "crash", "not built")


def read_expected(path):
    """{test: (results, reason)}; what is not listed is to pass. Several results (`pass|fail`) are for a
    test whose result is a matter of the machine's speed."""
    expected = {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            words = line.split("\t")
            may_be = tuple(words[1].split("|")) if len(words) == 3 else ()
            if not may_be or not set(may_be) <= set(COLUMNS) or may_be == ("pass",) or not words[2] or \
                    words[0] in expected:
                raise ValueError(f"{path}:{number}: {line!r} is not `test TAB result TAB reason`, once a test")
            expected[words[0]] = (may_be, words[2])
    return expected


def table(areas, results):
    """One line an area: how many tests have which result, how many of a hundred pass, and how many of a
    hundred of those that judge: neither unsupported nor untested."""
    heads = ["area", "tests", *COLUMNS, "pass %", "judged %"]
    lines = [heads]
    total = [0] * (1 + len(COLUMNS))
    for area in areas:
        of_area = [r.result for r in results.values() if r.test.area == area]
        if not of_area:
            continue
        counts = [len(of_area), *(of_area.count(column) for column in COLUMNS)]
        total = [a + b for a, b in zip(total, counts)]
        lines.append([area, *counts, *percents(counts)])
    lines.append(["all", *total, *percents(total)])
    lines = [[str(cell) if cell != 0 else "·" for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = ["  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths)))
            for line in lines]
    rule = "─" * len(text[0])
    return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])


def percents(counts):
    tests, passed = counts[:2]
    judged = tests - sum(counts[1 + COLUMNS.index(name)] for name in ("unsupported", "untested"))
    return [f"{100 * passed / of:.1f}" if of else "–" for of in (tests, judged)]


def write_json(path, facts, results, expected):
    tests = []
    for name, r in results.items():
        tests.append({"name": name, "area": r.test.area, "result": r.result,
                      "expected": list(expected.get(name, (("pass",), ""))[0]),
                      "reason": expected.get(name, ("", ""))[1] or None,
                      "detail": r.detail, "seconds": round(r.seconds, 2), "alone": r.alone,
                      "output": r.text[-2000:] if r.result != "pass" else None})
    with open(path, "w", encoding="utf-8") as f:
        json.dump({**facts, "tests": tests}, f, indent=1)
        f.write("\n")
