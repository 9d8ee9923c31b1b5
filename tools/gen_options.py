#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what is made from src/conf/options.def and partners.def: the options section of
doc/man/winsd.conf.5 and the samples etc/winsd.yaml and etc/netbtd.yaml. With --check nothing is
written; stale files are named and the exit code is 1."""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "src/conf/options.def"
PARTNERS = ROOT / "src/conf/partners.def"
MANUAL = ROOT / "doc/man/winsd.conf.5"
SAMPLE = ROOT / "etc/winsd.yaml"
NODE_SAMPLE = ROOT / "etc/netbtd.yaml"
# What of the table netbtd obeys, besides all options of a node, and its defaults where they differ.
NODE_KEYS = {"data-dir", "control-socket", "control-group", "control-admin-group", "user",
             "event-history", "log-level"}
NODE_DEFAULTS = {"control-socket": "/run/winsome/netbtd.sock"}
EXAMPLE = {"address": "198.51.100.20"}
BEGIN = '.\\" options: begin, written by tools/gen_options.py\n'
END = '.\\" options: end\n'

STRING = r'"(?:[^"\\]|\\.)*"'
ROW = re.compile(
    rf'X\((\w+),\s*({STRING}),\s*(\w+),\s*({STRING}),\s*({STRING}),\s*({STRING}),'
    rf'\s*(true|false),\s*((?:{STRING}\s*)+)\)', re.S)
PARTNER_ROW = re.compile(
    rf'X\((\w+),\s*({STRING}),\s*(\w+),\s*({STRING}),\s*({STRING}),\s*({STRING}),\s*((?:{STRING}\s*)+)\)', re.S)
HEADING = re.compile(r'^/\* (\w[^*\n]*) \*/$', re.M)


def literal(text):
    """The value of adjacent C string literals."""
    return "".join(re.sub(r"\\(.)", r"\1", s[1:-1]) for s in re.findall(STRING, text))


class Option:
    def __init__(self, row):
        self.field, self.kind, self.reload = row[1], row[3], row[7] == "true"
        self.key, self.preset, self.min, self.max, self.text = (
            literal(row[i]) for i in (2, 4, 5, 6, 8))

    @classmethod
    def of_partner(cls, row):
        """A key of the maps of replication.partners."""
        self = cls.__new__(cls)
        self.field, self.kind = row[1], row[3]
        self.key, self.preset, self.min, self.max, self.text = (literal(row[i]) for i in (2, 4, 5, 6, 7))
        return self

    def allowed(self):
        """What may be written, as a phrase."""
        kinds = {
            "NUMBER": "number, {min} to {max}",
            "SECONDS": "duration, {min} to {max}",
            "MILLIS": "duration, {min} to {max}",
            "SIZE": "size, {min} to {max}",
            "BOOL": "true or false",
            "CHOICE": "one of {min}",
            "CHOICES": "list of these: {min}",
            "TEXTS": "list of at most {max} texts",
            "ADDRESS": "IPv4 address",
            "ADDRESSES": "list of at most {max} IPv4 addresses",
            "NAMES": "list of at most {max} names",
            "NETWORKS": "list of at most {max} IPv4 networks",
            "CLOCK": "time of day",
            "PARTNERS": "list of at most {max} maps",
            "TEXT": "text of at most {max} characters",
        }
        return kinds[self.kind].format(min=self.min.replace("|", ", "), max=self.max)

    def default(self):
        if self.kind == "CLOCK" and self.preset:
            return f'"{self.preset}"'
        return self.preset if self.preset else '""'


def partner_keys():
    text = PARTNERS.read_text()
    keys = [Option.of_partner(m) for m in PARTNER_ROW.finditer(text)]
    if len(keys) != len(re.findall(r"^X\(", text, re.M)):
        sys.exit(f"{PARTNERS.name}: not every row can be read")
    return keys


def read_table():
    """The table in order: headings as str, options as Option."""
    text = TABLE.read_text()
    found = [(m.start(), m[1]) for m in HEADING.finditer(text) if m[1] != "clang-format off"]
    found += [(m.start(), Option(m)) for m in ROW.finditer(text)]
    rows = len(re.findall(r"^X\(", text, re.M))
    options = sum(isinstance(item, Option) for _, item in found)
    if rows != options:
        sys.exit(f"{TABLE.name}: {rows} rows begin but {options} can be read")
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def mdoc(text):
    """Text that is text to mdoc: no escapes, no macro at the start of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return "\n".join(("\\&" + line if line[:1] in (".", "'") else line)
                     for line in textwrap.wrap(text, 78, break_long_words=False,
                                               break_on_hyphens=False))


def sentences(text):
    """mdoc wants each sentence on a line of its own."""
    return "\n".join(mdoc(s) for s in re.split(r"(?<=[.?]) (?=[A-Z0-9])", text))


def manual(table):
    lines = []
    for item in table:
        if isinstance(item, str):
            if lines:
                lines.append(".El")
            lines += [f".Ss {item[0].upper()}{item[1:]}", ".Bl -tag -width Ds"]
            continue
        change = "counts at once on reload" if item.reload else "needs a restart"
        lines += [f".It Ic {mdoc(item.key)} : Ar {mdoc(item.default())}", sentences(item.text),
                  mdoc(f"({item.allowed()}; a change {change})")]
        if item.kind == "PARTNERS":
            lines.append(".Bl -tag -width Ds")
            for key in partner_keys():
                must = "must be given" if key.key == "address" else f"{key.default()} when left out"
                lines += [f".It Ic {mdoc(key.key)}", sentences(key.text), mdoc(f"({key.allowed()}; {must})")]
            lines.append(".El")
    lines.append(".El")
    return "\n".join(lines) + "\n"


def of_node(table):
    """What is netbtd's, and the headings that have anything under them."""
    found = []
    for item in table:
        if isinstance(item, str):
            heading = item
        elif item.key in NODE_KEYS or item.key.startswith("node."):
            found += [heading] if heading else []
            heading = None
            item.preset = NODE_DEFAULTS.get(item.key, item.preset)
            found.append(item)
    return found


def sample(table, program, what):
    lines = [f"# Configuration of {program}, {what}; see winsd.conf(5). Every option stands here",
             "# with its default: remove the # before those that you want to change, then check with",
             f"# \"{program} -n\". Durations are written 500ms, 3s, 40min, 2h, 6d; sizes 64KiB, 8MiB, 1GiB."]
    for item in table:
        if isinstance(item, str):
            lines += ["", f"# ---- {item} ----"]
            continue
        note = f"{item.text} ({item.allowed()})"
        lines += [""] + textwrap.wrap(note, 96, initial_indent="# ", subsequent_indent="# ",
                                      break_on_hyphens=False)
        lines.append(f"#{item.key}: {item.default()}")
        if item.kind == "PARTNERS":
            lines += ["# An entry, with its defaults:", f"# {item.key}:"]
            for mark, key in zip("-" + " " * 20, partner_keys()):
                lines.append(f"#   {mark} {key.key}: {key.default() if key.preset else EXAMPLE.get(key.key, key.default())}")
    return "\n".join(lines) + "\n"


def main():
    table = read_table()
    page = MANUAL.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    files = {MANUAL: before + BEGIN + manual(table) + END + after, SAMPLE: sample(table, "winsd", "the WINS server"),
             NODE_SAMPLE: sample(of_node(read_table()), "netbtd", "the NetBT node")}
    stale = [p for p, text in files.items() if not p.exists() or p.read_text() != text]
    if sys.argv[1:] == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run tools/gen_options.py")
        sys.exit(1 if stale else 0)
    if sys.argv[1:]:
        sys.exit("usage: gen_options.py [--check]")
    for path in stale:
        path.write_text(files[path])


if __name__ == "__main__":
    main()
