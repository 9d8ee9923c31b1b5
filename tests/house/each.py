#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command for each file that matches a pattern; each is a test case (TAP).

usage: each.py ROOT PATTERN[,PATTERN]... COMMAND...    {} in COMMAND is the file; runs in ROOT
"""
import pathlib
import subprocess
import sys


def main():
    root, patterns, *command = sys.argv[1:]
    found = sorted(p.relative_to(root).as_posix()
                   for pattern in patterns.split(",") for p in pathlib.Path(root).glob(pattern))
    print(f"1..{len(found)}" + ("" if found else " # SKIP no file matches " + patterns))
    for number, name in enumerate(found, 1):
        done = subprocess.run([name if word == "{}" else word for word in command], cwd=root,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        print(f"{'not ' if done.returncode else ''}ok {number} - {name}")
        for line in done.stdout.splitlines():
            print("#", line)


if __name__ == "__main__":
    main()
