#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks with nm at what a library takes from outside: purity is a property of the linked code.

usage: check_purity.py NM pure|engine LIBRARY [LOWER-LIBRARY]...

pure (wire, rules): functions of the lower libraries, memory and string functions that neither
allocate nor ask for a locale, assert. engine (wins): also allocation and formatting into a buffer;
no socket, clock, thread, file or output. What compilers and sanitizers add themselves is passed over.
"""
import re
import subprocess
import sys

PURE = re.compile(
    r"mem(cpy|move|set|cmp|chr|rchr|mem)|(bcmp|strlen|strnlen|strcmp|strncmp|strchr|strrchr|strstr|"
    r"strspn|strcspn|strcpy|strncpy|strlcpy|strlcat|stpcpy)|__assert_fail")
ENGINE = re.compile(r"malloc|calloc|realloc|reallocarray|free|qsort|bsearch|v?snprintf")
ADDED = re.compile(
    r"_GLOBAL_OFFSET_TABLE_|__stack_chk_(fail|guard)|__(mem|str|stp)[a-z]+_chk|__v?snprintf_chk|"
    r"__(asan|ubsan|tsan|msan|sanitizer|sancov|gcov)_.*|__start_.*|__stop_.*")


def symbols(nm, library, *options):
    out = subprocess.run([nm, "-P", *options, library], check=True, capture_output=True, text=True)
    # "name type [value size]"; lines of archive members end with ':'
    return {line.split()[0] for line in out.stdout.splitlines() if line and not line.endswith(":")}


def check(nm, profile, library, lower):
    provided = set().union(*(symbols(nm, lib, "-g", "--defined-only") for lib in (library, *lower)))
    for name in sorted(symbols(nm, library, "-u") - provided):
        if ADDED.fullmatch(name) or PURE.fullmatch(name):
            continue
        if profile == "engine" and ENGINE.fullmatch(name):
            continue
        yield name


def main():
    nm, profile, library, *lower = sys.argv[1:]
    faults = list(check(nm, profile, library, lower))
    for name in faults:
        print(f"{library}: {name} is not allowed in a library that is to be {profile}")
    if not faults:
        print(f"{library}: {profile}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
