#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the packets of tests/data/ns as seeds of fuzz/corpus/wire.

seed.py [--check] ROOT. With --check nothing is written; exit 1 when a seed is missing or stale.
"""
import pathlib
import sys


def packet(path):
    lines = path.read_text().splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def main():
    check = "--check" in sys.argv
    root = pathlib.Path(sys.argv[-1])
    stale = []
    for path in sorted((root / "tests/data/ns").glob("*.hex")):
        seed = root / "fuzz/corpus/wire" / ("seed-" + path.stem)
        if seed.exists() and seed.read_bytes() == packet(path):
            continue
        stale.append(seed.name)
        if not check:
            seed.write_bytes(packet(path))
    if check and stale:
        sys.exit("stale: " + " ".join(stale) + "; run fuzz/seed.py ROOT")


main()
