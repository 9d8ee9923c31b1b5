#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Facts about the files of the tree that are cheap to see and easy to forget.

usage: check_tree.py ROOT

No file over 1 MiB; no binaries but test inputs; no left-over marks in sources; every .c and .h begins
with the licence line and, at once behind it, says what it is for; every header has #pragma once and
every script its licence line; meson knows every manual page and every C file: what is not built is
not tested.
"""
import pathlib
import re
import sys

SKIPPED = re.compile(r"build[^/]*|var|\.git|__pycache__")
TEST_INPUT = ("fuzz/corpus/", "tests/data/")
SOURCE = {".c", ".h", ".def", ".py", ".sh", ".build"}
MARK = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
LICENCE = "SPDX-License-Identifier: Apache-2.0"
MAX_SIZE = 1 << 20


def files(root):
    for path in sorted(root.iterdir()):
        if SKIPPED.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def check_c(name, text):
    lines = text.split("\n", 2)
    if lines[0] != f"/* {LICENCE} */":
        yield f"{name}:1: must be /* {LICENCE} */"
    elif not re.match(r"/\*( \S.{10,}|$)", lines[1]):
        yield f"{name}:2: must be a comment that says what the file is for"
    if name.endswith(".h") and "\n#pragma once\n" not in text:
        yield f"{name}: has no #pragma once"


def check_file(root, path):
    name = path.relative_to(root).as_posix()
    data = path.read_bytes()
    if len(data) > MAX_SIZE:
        yield f"{name}: larger than 1 MiB"
    if name.startswith(TEST_INPUT):
        return
    if b"\0" in data:
        yield f"{name}: binary"
        return
    text = data.decode(errors="replace")
    script = text.startswith("#!")
    if path.suffix in SOURCE or script:
        for number, line in enumerate(text.splitlines(), 1):
            if MARK.search(line):
                yield f"{name}:{number}: left-over mark {MARK.search(line)[0]}"
    if path.suffix in (".c", ".h"):
        yield from check_c(name, text)
    elif script and LICENCE not in text.split("\n", 3)[1]:
        yield f"{name}:2: must be # {LICENCE}"


def listed(folder, *names):
    """Does the folder's meson.build name one of these?"""
    build = folder / "meson.build"
    return build.exists() and any(f"'{name}'" in build.read_text() for name in names)


def check_built(root):
    for page in sorted((root / "doc" / "man").glob("*.[1-8]")):
        if not listed(root / "doc", f"man/{page.name}"):
            yield f"doc/man/{page.name}: not listed in doc/meson.build"
    for source in (s for top in ("src", "tests", "fuzz", "bench") for s in (root / top).rglob("*.c")):
        target = source.stem.removeprefix(source.parent.name + "_")  # fuzz/fuzz_wire.c is 'wire' there
        if not listed(source.parent, source.name, source.stem, target):
            yield f"{source.relative_to(root)}: not listed in the meson.build beside it"
        for folder in list(source.relative_to(root).parents)[:-1]:
            if not listed((root / folder).parent, folder.name):
                yield f"{folder}: no subdir('{folder.name}') above it"


def main():
    root = pathlib.Path(sys.argv[1])
    faults = [f for path in files(root) for f in check_file(root, path)] + sorted(set(check_built(root)))
    print("\n".join(faults) or "the tree is in order")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
