#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the arrows of doc/design/overview.md: which module of src/ may include which.

usage: check_arrows.py ROOT

The table below is the rule; a new folder in src/ needs a line in it. What a module may include it
must name as "module/file.h". Modules that must be pure may include of libc only what cannot allocate
or reach the outside; engines nothing with a socket, a clock or a thread in it. What links is checked
by check_purity.py; this one sees headers and macros too.
"""
import pathlib
import re
import sys

BELOW_PROGRAMS = {"base", "wire", "rules", "store", "event", "txn", "wins", "repl", "node", "file", "io", "conf", "ctl",
                  "daemon", "nodehost"}

# The rooms of winsd.
ROOMS = {"queue", "front", "registrar", "replnet", "ownnode", "control", "winsd"}
TOOLS = {"nbdig", "nbperf", "nbtstat", "winsctl"}

# module: modules, or single files, that it may include besides its own
MAY_INCLUDE = {
    "base": set(),
    "file": {"base"},
    "wire": {"base"},
    "rules": {"base", "wire"},
    "store": {"base", "wire/name.h", "rules/rec.h"},
    "event": {"base", "wire"},
    "txn": {"base", "wire"},
    "wins": {"base", "wire", "rules", "store", "event", "txn"},
    "repl": {"base", "wire", "rules", "store", "event", "wins"},
    "node": {"base", "wire", "event", "txn"},
    "io": {"base", "event"},
    "conf": {"base", "file"},
    "ctl": {"base", "event"},
    "daemon": {"base", "wire", "event", "io", "conf", "ctl"},
    "nodehost": {"base", "wire", "event", "node", "file", "io", "conf", "ctl"},
    "lib": {"base", "wire", "txn", "node"},
    "winsd": BELOW_PROGRAMS | {"nodehost/control.h"},
    "netbtd": BELOW_PROGRAMS - {"rules", "store", "wins", "repl"},
    "winsweb": {"base", "event", "io", "conf", "ctl"},
}

for room in ROOMS:
    MAY_INCLUDE[room] = BELOW_PROGRAMS | ROOMS
for tool in TOOLS:
    MAY_INCLUDE[tool] = BELOW_PROGRAMS

PURE = {"assert.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
# module: what it may include of libc and other libraries; None: anything
SYSTEM = {"wire": PURE, "rules": PURE}

NOT_IN_ENGINES = re.compile(
    r"^(arpa/|net/|netinet/|poll\.h|pthread\.h|sys/(epoll|eventfd|ioctl|mman|select|socket|stat|"
    r"time|timerfd|un)\.h|systemd/|syslog\.h|threads\.h|time\.h|unistd\.h|urcu|uv)")
ENGINES = {"wins", "repl", "node", "txn", "event"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


def wrong(module, quoted, system):
    """Why this include is not allowed, or None."""
    if system:
        if system not in SYSTEM.get(module, {system}):
            return f"{module} is pure and may include no <{system}>"
        if module in ENGINES and NOT_IN_ENGINES.match(system):
            return f"{module} has no socket, clock or thread and may include no <{system}>"
        return None
    if "/" not in quoted or ".." in quoted:
        return f'write "module/file.h", not "{quoted}"'
    target = quoted.split("/")[0]
    if target == module or {target, quoted} & MAY_INCLUDE[module]:
        return None
    return f"{module} may not include {quoted}"


def check(root):
    for path in sorted((root / "src").glob("*/**/*")):
        if path.suffix not in (".c", ".h", ".def"):
            continue
        name, module = path.relative_to(root), path.relative_to(root / "src").parts[0]
        if module not in MAY_INCLUDE:
            yield f"{name}: module {module} has no line in tools/check_arrows.py"
            continue
        text = path.read_text()
        for m in INCLUDE.finditer(text):
            reason = wrong(module, *m.groups())
            if reason:
                yield f"{name}:{text.count(chr(10), 0, m.start(1 if m[1] else 2)) + 1}: {reason}"


def main():
    faults = list(check(pathlib.Path(sys.argv[1])))
    print("\n".join(faults) or "every include points down")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
