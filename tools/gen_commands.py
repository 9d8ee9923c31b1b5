#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what is made from src/ctl/commands.def and codes.def: the commands in doc/man/winsctl.1,
commands and codes in doc/man/winsome-control.7, and the words in etc/bash-completion/winsctl. With
--check nothing is written; stale files are named and the exit code is 1."""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "src/ctl/commands.def"
CODES = ROOT / "src/ctl/codes.def"
STRING = r'"(?:[^"\\]|\\.)*"'
ROW = re.compile(
    rf'^(?:C\(\w+, (?P<command>{STRING}), (?P<access>\w+), (?P<text>{STRING})\)'
    rf'|A\(\w+, (?P<arg>{STRING}), (?P<type>\w+), (?P<how>\w+), (?P<allowed>{STRING}), '
    rf'(?P<help>{STRING})\))$', re.M)
CODE = re.compile(rf'^X\(\w+, (?P<code>{STRING}), (?P<meaning>{STRING})\)$', re.M)
METAVARIABLE = {"INTEGER": "number", "ADDRESS": "address", "TEXT": "text", "ADDRESSES": "address"}


def unquote(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1])


class Arg:
    def __init__(self, row):
        self.name, self.type, self.how = unquote(row["arg"]), row["type"], row["how"]
        self.allowed, self.help = unquote(row["allowed"]), unquote(row["help"])

    def is_place(self):
        return self.how in ("REQUIRED", "POSITIONAL")

    def words(self):
        return self.allowed.split("|") if self.type == "CHOICE" else []

    def kind(self):
        """What JSON it is and what may stand there."""
        lowest, _, highest = self.allowed.partition("-")
        return {
            "FLAG": "true or false",
            "INTEGER": f"number, {lowest} to {highest}",
            "TEXT": f"text, {lowest} to {highest} bytes" if lowest != highest
                    else f"text, {lowest} bytes",
            "CHOICE": "text, one of " + ", ".join(self.words()),
            "ADDRESS": "text, an IPv4 address",
            "ADDRESSES": f"list of {lowest} to {highest} IPv4 addresses",
        }[self.type]


class Command:
    def __init__(self, row):
        self.name, self.access, self.text = unquote(row["command"]), row["access"], unquote(row["text"])
        self.args = []

    def options(self):
        return [a for a in self.args if a.how in ("OPTION", "LOCAL")]


def read_table():
    text = TABLE.read_text()
    commands = []
    for row in ROW.finditer(text):
        if row["command"]:
            commands.append(Command(row))
        else:
            commands[-1].args.append(Arg(row))
    begun = len(re.findall(r'^[CA]\(\w+, "', text, re.M))
    if begun != len(commands) + sum(len(c.args) for c in commands):
        sys.exit(f"{TABLE.name}: a row cannot be read")
    return commands


def mdoc(text):
    """Text that is text to mdoc, each sentence on a line of its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    lines = []
    for sentence in re.split(r"(?<=[.?]) (?=[A-Z0-9])", text):
        lines += textwrap.wrap(sentence, 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def place(arg):
    word = f"Ar {arg.name}" + (" ..." if arg.type == "ADDRESSES" else "")
    if arg.type == "CHOICE":
        word = "Cm " + " | ".join(arg.words())
    return f"Oo {word} Oc" if arg.how == "POSITIONAL" else word


def option(arg):
    if arg.type == "FLAG":
        return f".It Fl -{arg.name}"
    value = "Cm " + " | ".join(arg.words()) if arg.words() else "Ar " + METAVARIABLE[arg.type]
    return f".It Fl -{arg.name} {value}"


def for_people(commands):
    lines = [".Bl -tag -width Ds"]
    for c in commands:
        lines.append(" ".join([f".It Cm {c.name}"] + [place(a) for a in c.args if a.is_place()]
                              + (["Oo Ar option ... Oc"] if c.options() else [])))
        lines.append(mdoc(c.text))
        for a in (a for a in c.args if a.is_place() and a.type != "CHOICE"):
            lines += [".Pp", f".Ar {a.name} :", mdoc(a.help)]
        if c.options():
            lines.append(".Bl -tag -width Ds")
            for a in c.options():
                lines += [option(a), mdoc(a.help)]
            lines.append(".El")
    return "\n".join(lines + [".El"]) + "\n"


def for_programs(commands):
    lines = [".Bl -tag -width Ds"]
    for c in commands:
        if c.access == "LOCAL":
            continue
        lines += [f".It Cm {c.name} No ({c.access.lower()})", mdoc(c.text)]
        args = [a for a in c.args if a.how != "LOCAL"]
        if args:
            lines.append(".Bl -tag -width Ds")
        for a in args:
            needed = "; required" if a.how == "REQUIRED" else ""
            lines += [f".It Va {a.name}", mdoc(f"({a.kind()}{needed})"), mdoc(a.help)]
        if args:
            lines.append(".El")
    return "\n".join(lines + [".El"]) + "\n"


def for_codes():
    lines = [".Bl -tag -width Ds"]
    for row in CODE.finditer(CODES.read_text()):
        lines += [f".It Li {unquote(row['code'])}", mdoc(unquote(row["meaning"]))]
    return "\n".join(lines + [".El"]) + "\n"


def for_bash(commands):
    lines = [f'_winsctl_commands="{" ".join(c.name for c in commands)}"', "",
             "# The options of a command, and the words that its arguments may be.",
             "_winsctl_words()", "{", '\tcase "$1" in']
    for c in commands:
        words = [f"--{a.name}" for a in c.options()]
        words += [w for a in c.args if a.is_place() for w in a.words()]
        if words:
            lines.append(f'\t{c.name}) echo "{" ".join(words)}" ;;')
    lines += ["\tesac", "}", "", "# The words that an option of a command may have.",
              "_winsctl_values()", "{", '\tcase "$1 $2" in']
    for c in commands:
        for a in c.options():
            if a.words():
                lines.append(f'\t"{c.name} --{a.name}") echo "{" ".join(a.words())}" ;;')
    return "\n".join(lines + ["\tesac", "}"]) + "\n"


def replace(path, comment, name, text):
    """path's text with what stands between the two marks replaced."""
    begin = f"{comment} {name}: begin, written by tools/gen_commands.py\n"
    end = f"{comment} {name}: end\n"
    page = path.read_text() if isinstance(path, pathlib.Path) else path
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{path}: has no marks for {name}")
    return before + begin + text + end + after


def main():
    commands = read_table()
    roff = '.\\"'
    control = ROOT / "doc/man/winsome-control.7"
    page = replace(control, roff, "commands", for_programs(commands))
    files = {
        ROOT / "doc/man/winsctl.1":
            replace(ROOT / "doc/man/winsctl.1", roff, "commands", for_people(commands)),
        control: replace(page, roff, "codes", for_codes()),
        ROOT / "etc/bash-completion/winsctl":
            replace(ROOT / "etc/bash-completion/winsctl", "#", "commands", for_bash(commands)),
    }
    stale = [p for p, text in files.items() if p.read_text() != text]
    if sys.argv[1:] == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run tools/gen_commands.py")
        sys.exit(1 if stale else 0)
    if sys.argv[1:]:
        sys.exit("usage: gen_commands.py [--check]")
    for path in stale:
        path.write_text(files[path])


if __name__ == "__main__":
    main()
