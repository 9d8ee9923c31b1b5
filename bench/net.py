#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What winsd reaches on the network: the server on one processor, nbperf on another, a veth pair between
two namespaces, in rounds that take turns with nbperf's bare responder, so that what the machine does
besides slows both. Prints a table with goals, and the same rates from 10,000 names on as a table and a
plot. Layer: bench.

usage: net.py BUILD [--rounds N] [--seconds S] [--names N] [--growth N,...] [--rows ROW,...] [--out DIR]
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import net_lab
import net_peers
import net_plot
import net_stress
import net_workers
from net_lab import FAST, OWNER, RESPONDER, SERVER

GOALS = {  # row: (what, goal as a share of the bare responder)
    'hits': ('query hits', 0.92),
    'misses': ('query misses', 0.95),
    'register': ('new durable registrations', 0.55),
    'register-256': ('the same, 256 open', None),
    'refresh': ('refreshes', None),
    'mixed': ('mixed 70/10/18/2', 0.60),
}
EXTRA = ['dns', 'workers', 'xdp', 'lone', 'storm-p99', 'challenges', 'memory', 'start', 'scavenge-p99', 'snapshot-p99',
         'bulk-storm', *net_stress.KINDS]
MILLION = 1000000


def median(values):
    return statistics.median(values) if values else float('nan')


class Rates:
    """The rounds of one row."""

    def __init__(self, row, names):
        self.row, self.names, self.ours, self.bare, self.wrong = row, names, [], [], 0
        self.cost, self.bare_cost, self.others = [], [], []

    @property
    def rate(self):
        return median(self.ours)

    @property
    def ratio(self):
        return median([a / b for a, b in zip(self.ours, self.bare)])

    @property
    def share(self):
        """The ratio as it would be if the server's processor were all that counts. Others on the machine
        disturb it least, and it tells when the load was too slow for the bare responder."""
        return median([b / a for a, b in zip(self.cost, self.bare_cost)])

    @property
    def reached(self):
        return min(self.ratio, self.share)

    def line(self):
        what, goal = GOALS[self.row]
        said = 'no goal' if goal is None else f'goal {goal:.2f} ' + (
            'met' if self.reached >= goal else 'MISSED')
        wrong = f', {self.wrong} answers wrong or lost' if self.wrong else ''
        return (f'{what:28} {self.names:>9} names {self.rate:>9,.0f}/s  bare {median(self.bare):>9,.0f}/s'
                f'  ratio {self.ratio:.3f} ({min(map(div, self.ours, self.bare)):.2f} to '
                f'{max(map(div, self.ours, self.bare)):.2f})  {said}; {median(self.cost):.1f} us of '
                f'processor an answer, bare {median(self.bare_cost):.1f} (share {self.share:.3f}); others took '
                f'{100 * median(self.others):.0f} % of it{wrong}')


def div(a, b):
    return a / b


class Bench:
    def __init__(self, lab, args):
        self.lab, self.args, self.fresh, self.findings = lab, args, 0, []
        self.responder = lab.responder()
        lab.await_answer(RESPONDER, 10)

    def say(self, line):
        print(line, flush=True)
        self.findings.append(line)

    def words(self, row, names):
        """nbperf's for one round. New names are new in every round."""
        # 16 packets at a time: with all of a window at once server and load would wait by turns
        short = '-B', '16', '-t', f'{int(self.args.seconds * 1000)}ms'
        held = '-n', str(names)
        fresh = str(names + self.fresh)
        return {
            'hits': ['query', *held, *short],
            'misses': ['query', *held, '-H', '0', *short],
            'register': ['register', '-f', fresh, '-n', '5000000', *short],
            'register-256': ['register', '-f', fresh, '-n', '5000000', '-w', '256', *short],
            'refresh': ['refresh', *held, '-c', '100000000', *short],
            'mixed': ['mixed', *held, '-k', str(self.fresh), *short],
        }[row]

    def round(self, row, names, server, rates):
        """Who comes first changes with each round, for it makes a difference."""
        words = self.words(row, names)
        turns = [(server, SERVER, words), (self.responder, RESPONDER, [*words, '-x'])]
        if len(rates.ours) % 2:
            turns.reverse()
        said = {turn[1]: self.watched(*turn, show=not rates.ours and turn[1] == SERVER)
                for turn in turns}
        ours, cost, others = said[SERVER]
        bare, bare_cost, bare_others = said[RESPONDER]
        if 'register' in ours['operations']:
            self.fresh += ours['operations']['register']['begun']
        rates.ours.append(ours['per_second'])
        rates.bare.append(bare['per_second'])
        rates.cost.append(cost)
        rates.bare_cost.append(bare_cost)
        rates.others.append(max(others, bare_others))
        rates.wrong += ours['begun'] - ours['right']

    def watched(self, server, address, words, show):
        """What the load says, microseconds of processor an answer, the share that others took."""
        core, began = self.lab.cores[0], time.monotonic()
        ran, used = server.ran(), net_lab.used(core)
        said = self.lab.perf(address, *words, show=show)
        ran, used = server.ran() - ran, net_lab.used(core) - used
        took = time.monotonic() - began
        return said, ran * 1e6 / (said['answered'] or 1), max(0, used - ran) / took

    def rows(self, names, rows, rounds):
        """The paired rows against one server that holds so many names."""
        server = self.lab.winsd(self.lab.fill(names))
        self.lab.await_answer(SERVER, 120)
        rates = {row: Rates(row, names) for row in rows}
        for row in rows:
            for _ in range(rounds):
                self.round(row, names, server, rates[row])
            self.say(rates[row].line())
        self.lab.stop(server)
        return rates

    # ---- rows without a pair ----

    def xdp(self):
        """Query hits past the kernel's network code, in turns with the same server on its ordinary socket.
        How busy each server was tells whether the load was its limit."""
        names, rates, wrong = self.args.names, {SERVER: [], FAST: []}, 0
        costs, busy = {SERVER: [], FAST: []}, {SERVER: [], FAST: []}
        data = self.lab.fill(names)
        copy = self.lab.copy(data)
        servers = {SERVER: self.lab.winsd(data)}
        servers[FAST] = self.lab.winsd(copy, listen=FAST, control_socket=self.lab.work / 'fast.sock',
                                       xdp=self.lab.fast_link())
        for address in servers:
            self.lab.await_answer(address, 120)
        for i in range(self.args.rounds):
            for address in sorted(servers, reverse=bool(i % 2)):
                said, cost, _ = self.watched(servers[address], address, self.words('hits', names),
                                             show=not i)
                rates[address].append(said['per_second'])
                costs[address].append(cost)
                busy[address].append(cost * said['answered'] / 1e6 / said['seconds'])
                wrong += said['begun'] - said['right']
        for server in servers.values():
            self.lab.stop(server)
        ratio = median([a / b for a, b in zip(rates[FAST], rates[SERVER])])
        share = median([b / a for a, b in zip(costs[FAST], costs[SERVER])])
        self.say(f'query hits by AF_XDP         {names:>9} names {median(rates[FAST]):>9,.0f}/s  socket '
                 f'{median(rates[SERVER]):>7,.0f}/s  ratio {ratio:.2f}  goal 2.00 '
                 + ('met' if min(ratio, share) >= 2 else 'MISSED')
                 + f'; {median(costs[FAST]):.2f} us of processor an answer, socket '
                 f'{median(costs[SERVER]):.2f} (share {share:.2f}); servers busy '
                 f'{100 * median(busy[FAST]):.0f} and {100 * median(busy[SERVER]):.0f} %'
                 + (f', {wrong} answers wrong or lost' if wrong else ''))

    def lone(self):
        server = self.lab.winsd(self.lab.work / 'lone')
        self.lab.await_answer(SERVER, 10)
        ours, bare = [], []
        for i in range(self.args.rounds):
            said = self.lab.perf(SERVER, 'register', '-w', '1', '-n', '400', '-f', str(400 * i),
                                 show=not i)
            ours.append(said['operations']['register']['milliseconds']['p50'] * 1e3)
            bare.append(self.lab.fdatasync_us())
        self.lab.stop(server)
        ratio = median([a / b for a, b in zip(ours, bare)])
        self.say(f'lone durable registration    p50 {median(ours):.0f} us, bare fdatasync '
                 f'{median(bare):.0f} us, ratio {ratio:.2f}  goal 2.50 '
                 + ('met' if ratio <= 2.5 else 'MISSED'))

    def p99(self, rate=20000):
        said = self.lab.perf(SERVER, 'query', '-n', '100000', '-r', str(rate), '-R', '0', '-t',
                             f'{int(self.args.seconds * 1000)}ms', show=False)
        return said['operations']['query']['milliseconds']['p99'], said

    def compare_p99(self, what, begin, goal=2.0):
        """p99 of 20,000 queries a second without something and with it, in turns."""
        idle, busy, note = [], [], ''
        for i in range(self.args.rounds):
            idle.append(self.p99()[0])
            stop = begin(i)
            busy.append(self.p99()[0])
            note = stop() or note
        ratio = median([b / a for a, b in zip(idle, busy)])
        self.say(f'{what:28} query p99 {median(idle):.3f} ms without, {median(busy):.3f} ms with, '
                 f'ratio {ratio:.2f}  goal {goal:.2f} ' + ('met' if ratio <= goal else 'MISSED')
                 + (f'; {note}' if note else ''))

    def storm_p99(self):
        """One load sends both: two would wait for each other's turn on the load's processor."""
        queries, claims = 20000, 30000
        server = self.lab.winsd(self.lab.fill(100000))
        self.lab.await_answer(SERVER, 30)
        idle, busy, fresh, made = [], [], 0, []
        for i in range(self.args.rounds):
            idle.append(self.p99(queries)[0])
            said = self.lab.perf(
                SERVER, 'mixed', '-n', '100000', '-k', str(fresh), '-m', f'{queries // 100},{claims // 100},0,0', '-r',
                str(queries + claims), '-R', '0', '-t', f'{int(self.args.seconds * 1000)}ms', show=not i)
            begun = said['operations']['register']['begun']
            fresh += begun
            made.append(begun / said['seconds'])
            busy.append(said['operations']['query']['milliseconds']['p99'])
        ratio = median([b / a for a, b in zip(idle, busy)])
        self.say(f'during a registration storm  query p99 {median(idle):.3f} ms without, {median(busy):.3f} ms '
                 f'with, ratio {ratio:.2f}  goal 2.00 ' + ('met' if ratio <= 2 else 'MISSED')
                 + f'; {median(made):.0f} registrations/s of {claims} wished')
        self.lab.stop(server)

    def challenges(self):
        server = self.lab.winsd(self.lab.fill(100000), challenges_max=20000)
        self.lab.await_answer(SERVER, 30)
        words = ['query', '-n', '100000', '-t', f'{int(self.args.seconds * 1000)}ms']
        without, during, most = [], [], 0
        for i in range(self.args.rounds):
            without.append(self.lab.perf(SERVER, *words, show=not i)['per_second'])
            load = self.lab.perf_behind(
                SERVER, 'challenge', '-O', OWNER, '-o', 'dead', '-n', '30000', '-w', '10000', '-f',
                str(1000000 + 30000 * i))
            end = time.monotonic() + 20
            while self.lab.ctl('status')[0]['challenges'] < 9000 and time.monotonic() < end:
                time.sleep(0.1)
            most = max(most, self.lab.ctl('status')[0]['challenges'])
            during.append(self.lab.perf(SERVER, *words, show=False)['per_second'])
            self.lab.end_behind(load)
        ratio = median([b / a for a, b in zip(without, during)])
        self.lab.stop(server)
        self.say(f'with {most} challenges open   query hits {median(without):,.0f}/s without, '
                 f'{median(during):,.0f}/s with, ratio {ratio:.3f}  goal 0.90 '
                 + ('met' if ratio >= 0.9 else 'MISSED'))

    def memory(self):
        empty = self.lab.winsd(self.lab.work / 'empty')
        self.lab.await_answer(SERVER, 10)
        base = empty.memory()
        self.lab.stop(empty)
        for names in (MILLION, *([10 * MILLION] if 10 * MILLION in self.args.growth else [])):
            server = self.lab.winsd(self.lab.fill(names))
            took = self.lab.await_answer(SERVER, 300)
            each = (server.memory() - base) / names
            self.say(f'memory                       {each:.0f} bytes a name at {names} names beyond '
                     f'{base >> 20} MiB  goal 170 ' + ('met' if each <= 170 else 'MISSED'))
            goal = 1 if names == MILLION else 8
            self.say(f'start                        first answer after {took:.2f} s with {names} names'
                     f'  goal {goal} s ' + ('met' if took <= goal else 'MISSED'))
            self.lab.stop(server)

    def scavenge_p99(self):
        """The names run out while the server runs; the first comparison falls into the work on them."""
        data = self.lab.fill(MILLION, seconds=40)
        due = time.monotonic() + 40
        server = self.lab.winsd(data)
        self.lab.await_answer(SERVER, 60)
        idle = median([self.p99()[0] for _ in range(3)])
        time.sleep(max(0, due - time.monotonic()))
        busy, left = [], MILLION
        while len(busy) < 60:
            busy.append(self.p99()[0])
            counters = self.lab.ctl('stats')[0]['counters']
            left = MILLION - counters['scavenged-released']
            if left <= 0:
                break
        ratio = median(busy) / idle
        self.say(f'scavenging {MILLION} due names  query p99 {idle:.3f} ms idle, {median(busy):.3f} ms '
                 f'(worst of {len(busy)} rounds {max(busy):.3f}) meanwhile, ratio {ratio:.2f}  goal 2.00 '
                 + ('met' if ratio <= 2 else 'MISSED') + (f'; {left} left' if left > 0 else ''))
        self.lab.stop(server)

    def snapshot_p99(self):
        names = 10 * MILLION if 10 * MILLION in self.args.growth else MILLION
        server = self.lab.winsd(self.lab.fill(names))
        self.lab.await_answer(SERVER, 300)
        into = self.lab.work / 'backup'

        def begin(i):
            self.lab.ctl('backup', str(into / str(i)))

            def stop():
                for _ in range(600):
                    if not self.lab.ctl('status')[0]['snapshot-running']:
                        break
                    time.sleep(0.1)
            return stop
        into.mkdir()
        self.compare_p99(f'snapshot of {names} names', begin)
        self.lab.stop(server)

    def dns(self):
        net_peers.dns(self)

    def workers(self):
        net_workers.workers(self)

    def bulk_storm(self):
        net_stress.storm(self)

    def garbage_flood(self):
        net_stress.flood(self, 'garbage-flood')

    def miss_flood(self):
        net_stress.flood(self, 'miss-flood')

    def register_flood(self):
        net_stress.flood(self, 'register-flood')

    def fast_flood(self):
        net_stress.flood(self, 'fast-flood')


def table(growth):
    rows = next(iter(growth.values())).keys()
    yield 'names      ' + ''.join(f'{GOALS[row][0][:26]:>34}' for row in rows)
    for names, rates in growth.items():
        yield f'{names:<11}' + ''.join(
            f'{rates[row].rate:>22,.0f}/s ({rates[row].reached:.2f})' + ' ' * 3 for row in rows)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--seconds', type=float, default=1.0)
    parser.add_argument('--names', type=int, default=MILLION)
    parser.add_argument('--growth', default='10000,100000,1000000,10000000',
                        type=lambda text: [int(n) for n in text.split(',') if n])
    parser.add_argument('--rows', default=','.join([*GOALS, 'growth', *EXTRA]),
                        type=lambda text: text.split(','))
    parser.add_argument('--folder', default='.', help='where the data folders stand')
    parser.add_argument('--out', default='.', type=Path)
    parser.add_argument('--cores', default='0,1', type=lambda text: [int(n) for n in text.split(',')])
    args = parser.parse_args()
    wrong = set(args.rows) - {*GOALS, 'growth', *EXTRA}
    if wrong:
        parser.error(f"no such row: {', '.join(wrong)}; there are {', '.join([*GOALS, 'growth', *EXTRA])}")
    return args


def run(bench, args):
    growth = {}
    paired = [row for row in args.rows if row in GOALS]
    if paired:
        growth[args.names] = bench.rows(args.names, paired, args.rounds)
    if 'growth' in args.rows:
        for names in args.growth:
            growth[names] = growth.get(names) or bench.rows(
                names, paired or list(GOALS), max(3, args.rounds // 2))
    for row in args.rows:
        if row in EXTRA and row != 'start':  # told with the memory
            getattr(bench, row.replace('-', '_'))()
    if len(growth) > 1:
        growth = dict(sorted(growth.items()))
        for line in table(growth):
            bench.say(line)
        plot = args.out / 'net-growth.svg'
        plot.write_text(net_plot.growth({GOALS[row][0]: [(n, r[row].reached) for n, r in growth.items()]
                                         for row in next(iter(growth.values()))}))
        print(f'plot: {plot}')


def main():
    args = arguments()
    net_lab.enter(sys.argv)
    lab = net_lab.Lab(args.build, args.folder, args.cores)
    print(f'{args.rounds} rounds of {args.seconds:g} s in turns with the bare responder, medians; '
          f'load average before: {os.getloadavg()[0]:.1f}', flush=True)
    bench = None
    try:
        bench = Bench(lab, args)
        run(bench, args)
    finally:
        lab.close()
    print('commands, on processor', ', the load on '.join(map(str, args.cores)) + ':')
    for line in lab.shown:
        print(f'  {line}')
    (args.out / 'net.txt').write_text('\n'.join([*bench.findings, '', *lab.shown, '']))


if __name__ == '__main__':
    main()
