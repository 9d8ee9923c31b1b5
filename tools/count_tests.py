#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what `meson test` ran, case by case, and closes with "N passed, N failed[, N skipped]".

usage: count_tests.py LOGDIR [FAILED-STEP]...

meson counts programs; a program here holds many cases. Its testlog.junit.xml has the cases,
testlog.json the verdict on each program, which also knows of a crash, a leak or a timeout after the
last good case. A step that failed before the tests (a build) counts as one failed case, and nothing
run at all is a failure too. Exit status 0 only if something passed and nothing failed.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

GOOD, SKIPPED = ("OK", "EXPECTEDFAIL"), ("SKIP", "IGNORED")


def program_of(name):
    """meson writes "program", "project:suite / program", and "project." before either in junit."""
    return name.split(" / ")[-1].split(".")[-1]


def read_cases(path):
    """{program: [(case, verdict)]} of the programs that told their cases."""
    raw = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"?", path.read_bytes())  # tests print anything
    found = {}
    for suite in ET.fromstring(raw).iter("testsuite"):
        if "." not in suite.get("name"):  # the project: programs without cases, counted below
            continue
        for case in suite.iter("testcase"):
            bad = case.find("failure") is not None or case.find("error") is not None
            skip = case.find("skipped") is not None
            verdict = "failed" if bad else "skipped" if skip else "passed"
            found.setdefault(program_of(suite.get("name")), []).append((case.get("name"), verdict))
    return found


def count(logdir):
    """Yields (name, verdict) of each case that ran."""
    if not (logdir / "testlog.junit.xml").exists():
        return
    cases = read_cases(logdir / "testlog.junit.xml")
    for line in (logdir / "testlog.json").read_text(errors="replace").splitlines():
        test = json.loads(line)
        program = program_of(test["name"])
        own = cases.get(program)
        if own is None:
            verdict = "passed" if test["result"] in GOOD else \
                "skipped" if test["result"] in SKIPPED else "failed"
            yield program, verdict
            continue
        yield from ((f"{program}: {name}", verdict) for name, verdict in own)
        if test["result"] not in GOOD + SKIPPED and all(v != "failed" for _, v in own):
            yield f"{program}: the program itself ({test['result']})", "failed"


def main():
    results = list(count(pathlib.Path(sys.argv[1])))
    results += [(step, "failed") for step in sys.argv[2:]]
    n = {v: sum(1 for _, w in results if w == v) for v in ("passed", "failed", "skipped")}
    for verdict in ("skipped", "failed"):
        for name, v in results:
            if v == verdict:
                print(f"{verdict}: {name}")
    print(f"{n['passed']} passed, {n['failed']} failed" +
          (f", {n['skipped']} skipped" if n["skipped"] else ""))
    return 0 if n["passed"] and not n["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
