# SPDX-License-Identifier: Apache-2.0
"""Rows of net.py about stress: what one address that floods does to others, with fair shares and without
them, and computers that all start at once. Layer: bench."""

import shutil
import statistics
import time

from net_lab import CLIENT, FAST, FAST_CLIENT, FAST_OWNER, OWNER, SERVER, used

KINDS = {'garbage-flood': ('garbage', 'query'), 'miss-flood': ('miss', 'query'),
         'register-flood': ('register', 'register'), 'fast-flood': ('miss', 'query')}
NAMES, RATE, SITES, COMPUTERS = 100000, 1000, 200, 100000


class Load:
    """What became of 1000 requests a second, mixed, of somebody who floods nobody."""

    def __init__(self, lab, server, client, seconds):
        # new names are new in each round: the clock says which
        said = lab.perf(server, 'mixed', '-n', str(NAMES), '-r', str(RATE), '-t', f'{seconds}s',
                        '-b', client, '-k', str(time.time_ns() // 10**6 % 10**7))
        self.begun, self.right, self.repeated = said['begun'], said['right'], said['repeated']
        self.ms = {op: said['operations'][op]['milliseconds'] for op in ('query', 'register')}


class Row:
    def __init__(self):
        self.loads, self.flood, self.memory = [], [], []

    def line(self):
        begun, right = (sum(getattr(load, what) for load in self.loads) for what in ('begun', 'right'))
        repeated = sum(load.repeated for load in self.loads)
        ms = ', '.join(f'{op} p50 {self.middle(op, "p50"):.1f} p99 {self.middle(op, "p99"):.0f} ms'
                       for op in ('query', 'register'))
        memory = ' / '.join(f'{statistics.median(column) / 2**20:.0f}'
                            for column in zip(*self.memory))
        return (f'{100 * right / begun:.1f} % of {begun} answered, {repeated} repetitions, {ms}; memory '
                f'before / during / after {memory} MiB')

    def middle(self, op, what):
        return statistics.median(load.ms[op][what] for load in self.loads)


def flood(bench, row):
    """The same server before, during and after, with fair shares and without in turns."""
    lab, (kind, served) = bench.lab, KINDS[row]
    address, client, bad, options = SERVER, CLIENT, OWNER, {}
    if row == 'fast-flood':  # past the kernel's network code
        address, client, bad = FAST, FAST_CLIENT, FAST_OWNER
        options = {'listen': FAST, 'xdp': lab.fast_link()}
    rounds = max(1, bench.args.rounds // 3)
    seconds = max(3, int(bench.args.seconds * 5))
    rows = {fair: Row() for fair in ('true', 'false')}
    capacity = []
    for i in range(rounds):
        for fair, said in rows.items():
            server = lab.winsd(lab.fill(NAMES), fair_shares=fair, names_per_address=10000, **options)
            lab.await_answer(address, 30)
            new = ['-f', str(NAMES), '-n', '5000000'] if served == 'register' else ['-n', str(NAMES)]
            capacity.append(lab.perf(address, served, *new, '-B', '16', '-t', '1s')['per_second'])
            memory = [server.memory()]
            behind = lab.start_at('client', [lab.tool('flood'), address, bad, kind, seconds + 2])
            time.sleep(1)
            said.loads.append(Load(lab, address, client, seconds))
            memory.append(server.memory())
            sent = int(behind.communicate(timeout=60)[0]) / (seconds + 2)
            lab.await_answer(address, 30)
            said.flood.append(sent)
            said.memory.append([*memory, server.memory()])
            lab.stop(server)
    each = statistics.median([n for said in rows.values() for n in said.flood])
    bench.say(f'{row}: {each:,.0f}/s from one address, {each / statistics.median(capacity):.1f} times of what is '
              f'served otherwise ({served}: {statistics.median(capacity):,.0f}/s)')
    for fair, said in rows.items():
        bench.say(f'  fair-shares {fair + ":":6} {said.line()}')


class Storm:
    """One round: what became of the claims, and what it took."""

    def __init__(self, lab, over, handling, sites):
        data = lab.work / 'storm'
        shutil.rmtree(data, ignore_errors=True)
        server = lab.winsd(data, burst_handling=handling)
        lab.await_answer(SERVER, 10)
        began, busy = time.monotonic(), used(lab.cores[1])
        said = lab.perf(SERVER, 'storm', '-N', str(COMPUTERS), '-s', f'{over}s', '-b', ','.join(sites),
                        '-S', str(len(sites)))
        self.load = 100 * (used(lab.cores[1]) - busy) / (time.monotonic() - began)
        self.right, self.begun, self.repeated = said['right'], said['begun'], said['repeated']
        self.lost, self.seconds = said['lost'], said['seconds']
        self.stored = lab.ctl('status')[0]['records']
        latency = said['operations']['register']['milliseconds']
        self.p50, self.p99 = latency['p50'], latency['p99']
        lab.await_answer(SERVER, 10)  # a worker gives memory back when it comes by
        self.most, self.after = (server.memory(what) / 2**20 for what in ('VmHWM', 'VmRSS'))
        lab.stop(server)


def storm(bench):
    """How long many computers that all start at once need until all their names are registered. A load
    cannot have 100,000 addresses: they sit behind 200, as branches of a company do."""
    lab = bench.lab
    sites = lab.more_addresses(SITES)
    rounds = {(over, handling): [] for over in (1, 10) for handling in ('false', 'true')}
    for _ in range(max(1, bench.args.rounds // 3)):
        for (over, handling), storms in rounds.items():
            storms.append(Storm(lab, over, handling, sites))
    for (over, handling), storms in rounds.items():
        middle = {what: statistics.median(vars(one)[what] for one in storms) for what in vars(storms[0])}
        bench.say(f'{COMPUTERS} computers within {over:2} s  burst-handling {handling + ":":6} '
                  '{right:.0f} of {begun:.0f} claims granted in {seconds:.1f} s, {repeated:.0f} repeated, '
                  '{lost:.0f} lost, {stored:.0f} names stored, p50 {p50:.0f} ms, p99 {p99:.0f} ms; most '
                  'memory {most:.0f} MiB, after {after:.0f}; load on its processor {load:.0f} % of the time '
                  .format(**middle) + f'({len(storms)} rounds, fewest granted '
                  f'{min(one.right for one in storms)})')
