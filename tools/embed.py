#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the bytes of a file as a constant array of C, aligned as an object file must be.

usage: embed.py INPUT OUTPUT NAME
"""
import pathlib
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
lines = [", ".join(map(str, data[i:i + 20])) for i in range(0, len(data), 20)]
pathlib.Path(sys.argv[2]).write_text(
    f"/* Written by tools/embed.py. */\nstatic const _Alignas(8) unsigned char {sys.argv[3]}[] = {{\n"
    + ",\n".join(lines) + "\n};\n")
