#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks for hours: every file of this folder round and round, each time longer and with a fresh seed, and a
report of what happened.

usage: campaign.py BUILD HOURS [NAME]...

The report goes to BUILD/attack.txt too: for each attack its rounds, its failures with the seeds that repeat
them, and the sums of its figures. Exit status 0 only if nothing failed.
"""
import os
import pathlib
import random
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("winsd", "winsctl", "netbtd", "nbtstat", "nbdig", "nbperf")
SECONDS = 120  # of one attack in the first round; twice as long in each later one, to an hour
FIGURE = re.compile(r"^# figure: (.+): (\d+)(?: of (\d+))?$", re.M)


class Tally:
    def __init__(self):
        self.rounds, self.failed, self.figures = 0, [], {}

    def add(self, seed, seconds, done):
        self.rounds += 1
        if done.returncode or re.search(r"^not ok", done.stdout, re.M):
            self.failed.append((seed, seconds, done.stdout[-4000:] + done.stderr[-4000:]))
        for name, value, of in FIGURE.findall(done.stdout):
            had = self.figures.get(name, (0, 0))
            self.figures[name] = (had[0] + int(value), had[1] + int(of or 0))

    def lines(self, name):
        yield f"{name}: {self.rounds} rounds, {len(self.failed)} failed"
        for what, (value, of) in sorted(self.figures.items()):
            yield f"  {what}: {value}" + (f" of {of}" if of else "")
        for seed, seconds, said in self.failed:
            yield f"  ATTACK_SEED={seed} ATTACK_SECONDS={seconds} python3 tests/attack/{name}.py"
            yield from ("    " + line for line in said.splitlines())


def attack(build, name, seed, seconds):
    env = {p.upper(): str(build / "src" / p / p) for p in PROGRAMS}
    return subprocess.run([sys.executable, HERE / f"{name}.py"], capture_output=True, text=True, check=False,
                          env={**os.environ, **env, "ATTACK_SEED": str(seed), "ATTACK_SECONDS": str(seconds)})


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build, hours = pathlib.Path(sys.argv[1]).resolve(), float(sys.argv[2])
    known = sorted(p.stem for p in HERE.glob("*.py") if p.stem != "campaign")
    names = sys.argv[3:] or known
    if set(names) - set(known):
        sys.exit(f"Attacks: {' '.join(known)}")
    tallies = {name: Tally() for name in names}
    end, seconds = time.monotonic() + hours * 3600, SECONDS
    while time.monotonic() < end:
        for name in names:
            if time.monotonic() >= end:
                break
            seed = random.randrange(1 << 32)
            tallies[name].add(seed, seconds, attack(build, name, seed, seconds))
            print("\n".join(tallies[name].lines(name)), flush=True)
        seconds = min(2 * seconds, 3600)
    report = "\n".join(line for name in names for line in tallies[name].lines(name))
    (build / "attack.txt").write_text(report + "\n")
    print(f"\n{report}")
    sys.exit(any(tally.failed for tally in tallies.values()))


if __name__ == "__main__":
    main()
