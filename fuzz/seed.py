#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the packets of tests/data as seeds of fuzz/corpus: ns for wire, wrepl for wrepl.

seed.py [--check] ROOT. With --check nothing is written; exit 1 when a seed is missing or stale.
"""
import pathlib
import sys

TARGETS = {"ns": "wire", "wrepl": "wrepl"}  # folder of tests/data: fuzz target


def packet(path):
    lines = path.read_text().splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def main():
    check = "--check" in sys.argv
    root = pathlib.Path(sys.argv[-1])
    stale = []
    for path in sorted((root / "tests/data").glob("*/*.hex")):
        if path.parent.name not in TARGETS:
            continue
        seed = root / "fuzz/corpus" / TARGETS[path.parent.name] / ("seed-" + path.stem)
        if seed.exists() and seed.read_bytes() == packet(path):
            continue
        stale.append(seed.name)
        if not check:
            seed.write_bytes(packet(path))
    if check and stale:
        sys.exit("stale: " + " ".join(stale) + "; run fuzz/seed.py ROOT")


main()
