#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast winsd fetches all records of a partner: both in namespaces of their own, a veth pair between
them, each on its processor. In the same rounds the same bytes go through a bare TCP connection, once only
read and once written to a file and synced as often as the journal is. Then queries meanwhile, and Samba's
AD server as the one that fetches. Layer: bench.

usage: pull.py BUILD [--rounds N] [--names N] [--rows pull,gigabit,queries,samba] [--folder DIR] [--out DIR]
"""

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'tests/system')]

import net_lab
from net_lab import CLIENT, RESPONDER, SERVER

ROWS = ['pull', 'gigabit', 'queries', 'samba']
RECORD = 48          # bytes of a unique name on the wire (wins 3.4); its journal entry is 44 and a frame's share
BATCH = 4096         # records to a commit (src/repl/engine.h)
COPY_PORT = 1042
OWN = 100000         # names of the puller's own, which are asked for meanwhile
SAMBA_SECONDS = 120
REPLICATION = {'replication.pull-at-start': 'false', 'replication.push-at-start': 'false',
               'replication.pause': 'never', 'replication.clock-check': 'false'}


def median(values):
    return statistics.median(values) if values else float('nan')


# ---- the bare copy: this file, started as `pull.py copy-out|copy-in` in the namespaces ----

def copy_out(size):
    """Sends so many bytes to whoever connects, once."""
    block = memoryview(bytes(1 << 20))
    with socket.create_server((CLIENT, COPY_PORT)) as listener:
        print('ready', flush=True)
        peer, _ = listener.accept()
        with peer:
            while size:
                size -= peer.send(block[:min(size, len(block))])


def copy_in(size, path):
    """Prints the seconds that it took to have read all; with a path to have it synced in batches too."""
    batch = memoryview(bytearray(BATCH * RECORD))
    file = None
    if path:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        for at in range(0, size, 1 << 20):
            os.pwrite(file, bytes(1 << 20), at)
        os.fdatasync(file)
    begin, done = time.monotonic(), 0
    with socket.create_connection((CLIENT, COPY_PORT)) as sock:
        while done < size:
            have, want = 0, min(len(batch), size - done)
            while have < want:
                have += sock.recv_into(batch[have:want])
            if path:
                os.pwrite(file, batch[:want], done)
                os.fdatasync(file)
            done += want
    print(time.monotonic() - begin)
    if path:
        os.close(file)
        os.unlink(path)


# ---- the rounds ----

class Bench:
    def __init__(self, lab, args):
        self.lab, self.args, self.findings = lab, args, []
        self.data = lab.fill(args.names, first=OWN)

    def say(self, line):
        print(line, flush=True)
        self.findings.append(line)

    def conf(self, name, *partners):
        path = self.lab.work / f'{name}.yaml'
        path.write_text('replication:\n  partners:\n' + ''.join(
            f'    - {{address: {address}, pull: {str(pull).lower()}, push: false, pull-interval: 0}}\n'
            for address, pull in partners))
        return path

    def holder(self, data):
        server = self.lab.winsd(data, self.conf('holder', (SERVER, False), (RESPONDER, False)), 'client',
                                **REPLICATION)
        self.await_up('client', CLIENT, 60)
        return server

    def puller(self, data):
        server = self.lab.winsd(data, self.conf('puller', (CLIENT, True)), **REPLICATION)
        self.await_up('server', SERVER, 60)
        return server

    def await_up(self, where, address, seconds):
        begin = time.monotonic()
        words = [self.lab.tool('nbperf'), f'@{address}', '-c', '1', '-i', '5ms', '-R', '0', '-x', '-q']
        while subprocess.run(self.lab.at(where, words), capture_output=True, check=False).returncode:
            if time.monotonic() - begin > seconds:
                raise TimeoutError(f'{address} does not answer')

    def replicate(self):
        """The command to the puller; ends when all is fetched."""
        words = [self.lab.tool('winsctl'), '--socket', self.lab.work / 'winsd.sock', 'replicate-now', CLIENT]
        self.lab.show(words)
        return subprocess.Popen(self.lab.at('client', words), stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def records(self):
        return self.lab.ctl('status')[0]['records']

    def copy(self, synced):
        size = self.args.names * RECORD
        me = [sys.executable, HERE / 'pull.py']
        out = self.lab.start_at('client', [*me, 'copy-out', size])
        out.stdout.readline()
        done = subprocess.run(
            self.lab.at('server', [*me, 'copy-in', size, *([self.lab.work / 'copy'] if synced else [])]),
            check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        out.communicate(timeout=60)
        return self.args.names / float(done.stdout)

    def one_pull(self, holder):
        data = self.lab.work / 'puller'
        server = self.puller(data)
        before, idle = server.memory(), holder.memory()
        ran, gave = server.ran(), holder.ran()
        begin = time.monotonic()
        said = self.replicate()
        out, _ = said.communicate(timeout=600)
        took = time.monotonic() - begin
        if said.returncode or self.records() != self.args.names:
            raise RuntimeError(f'{self.records()} of {self.args.names} came: {out}')
        result = {'rate': self.args.names / took, 'ran': (server.ran() - ran) / self.args.names,
                  'gave': (holder.ran() - gave) / self.args.names,
                  'peak': server.memory('VmHWM') - before, 'after': server.memory() - before,
                  'holder': holder.memory('VmHWM') - idle}
        self.lab.stop(server)
        subprocess.run(['rm', '-rf', str(data)], check=True)
        return result

    def gigabit(self):
        """The same where the partner sends 1 Gbit/s at most, as real networks do."""
        shape = ['tc', 'qdisc', 'add', 'dev', 'eth0x', 'root', 'tbf', 'rate', '1gbit', 'burst', '256kb',
                 'latency', '50ms']
        self.lab.show(shape)
        subprocess.run(self.lab.at('client', shape), check=True)
        self.say('with 1 Gbit/s:')
        self.pull()
        subprocess.run(self.lab.at('client', ['tc', 'qdisc', 'del', 'dev', 'eth0x', 'root']), check=True)

    def pull(self):
        holder = self.holder(self.data)
        pulls, bare, synced = [], [], []
        for i in range(self.args.rounds):
            turns = [lambda: pulls.append(self.one_pull(holder)), lambda: bare.append(self.copy(False)),
                     lambda: synced.append(self.copy(True))]
            for turn in turns[i % 3:] + turns[:i % 3]:
                turn()
        rate = [p['rate'] for p in pulls]
        for what, other in ('bare TCP copy', bare), (f'the same, synced each {BATCH} records', synced):
            ratio = [a / b for a, b in zip(rate, other)]
            self.say(f'{what:40} {median(other):12,.0f} records/s; a pull is {median(ratio):.3f} of it '
                     f'({min(ratio):.3f} to {max(ratio):.3f})' +
                     ('' if other is synced else '  goal 0.30 ' + ('met' if median(ratio) >= .3 else 'MISSED')))
        self.say(f'{"a pull of all":40} {median(rate):12,.0f} records/s ({min(rate):,.0f} to {max(rate):,.0f}), '
                 f'{median([p["ran"] for p in pulls]) * 1e6:.2f} us of processor a record, the partner '
                 f'{median([p["gave"] for p in pulls]) * 1e6:.2f}')
        mib = {what: median([p[what] for p in pulls]) / 2**20 for what in ('peak', 'after', 'holder')}
        self.say(f'memory: the puller grew by {mib["after"]:.0f} MiB and by {mib["peak"]:.0f} at most; '
                 f'the partner by {mib["holder"]:.0f} at most since its start')
        self.lab.stop(holder)

    def queries(self):
        """The share that queries keep: before, in the middle of it, and after. The load shares its processor
        with the partner, so that the puller has one of its own with all its threads."""
        holder = self.holder(self.data)
        words = ['query', '-n', str(OWN), '-B', '16', '-t', f'{int(self.args.seconds * 1000)}ms']
        idle, busy, come = [], [], []

        def rate():
            return self.lab.perf(SERVER, *words)['per_second']
        for _ in range(max(1, self.args.rounds // 3)):
            server = self.puller(self.lab.fill(OWN))
            idle += [rate() for _ in range(2)]
            began, said = time.monotonic(), self.replicate()
            while said.poll() is None:
                asked = rate()
                if said.poll() is None:  # else a part of it had nothing beside it
                    busy.append(asked)
                    come.append((self.records() - OWN) / (time.monotonic() - began))
            idle += [rate() for _ in range(2)]
            self.lab.stop(server)
        ratio = median(busy) / median(idle)
        self.say(f'queries: {median(idle):,.0f}/s without a pull, {median(busy):,.0f}/s meanwhile ({len(busy)} '
                 f'windows of {self.args.seconds:g} s), ratio {ratio:.3f}  goal 0.80 ' +
                 ('met' if ratio >= .8 else 'MISSED') + f'; {median(come):,.0f} records/s came meanwhile')
        self.lab.stop(holder)

    # ---- Samba ----

    def knows(self, name):
        words = ['nmblookup', '-s', '/dev/null', '-U', RESPONDER, '--recursion', name]
        done = subprocess.run(self.lab.at('server', words, self.lab.cores[1]), capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        return re.search(r'<..>$', done.stdout, re.M)

    def wait_for(self, name, seconds):
        begin = time.monotonic()
        while not self.knows(name) and time.monotonic() - begin < seconds:
            time.sleep(0.2)
        return time.monotonic() - begin

    def samba(self):
        """Fewer names: it asks for all at once and takes them in one after the other. Its partner starts when it
        serves, and is found within a second."""
        from lib import peers
        names = self.args.samba_names
        samba = peers.SambaAd(SambaHost(self.lab), [CLIENT], pull_interval=1)
        samba.start()
        self.wait_for('SAMBAAD', SAMBA_SECONDS)
        holder = self.holder(self.lab.fill(names, first=OWN))
        begin = time.monotonic()
        # they come in the order of their versions, which is that of their numbers
        self.wait_for(f'WS-{OWN + names - 1:08}#20', SAMBA_SECONDS)
        took, low, high = time.monotonic() - begin, -1, names
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.knows(f'WS-{OWN + middle:08}#20') else (low, middle)
        self.say(f'Samba AD (without syncs): {low + 1} of {names} records in {took:.1f} s, '
                 f'{(low + 1) / took:,.0f} records/s')
        samba.die()
        self.lab.stop(holder)


class SambaHost:
    """What tests/system/lib/peers.py wants of a host: the namespace of the server."""

    def __init__(self, lab):
        self.lab, self.addresses = lab, [RESPONDER]

    def path(self, *parts):
        return self.lab.work.joinpath(*parts)

    def run(self, *args, timeout=60):
        return subprocess.run(self.lab.at('server', args), capture_output=True, text=True, check=False,
                              timeout=timeout, stdin=subprocess.DEVNULL)

    def start(self, *args, log):
        with open(log, 'ab') as out:
            return SambaProcess(subprocess.Popen(self.lab.at('server', args), stdin=subprocess.DEVNULL,
                                                 stdout=out, stderr=out))


class SambaProcess:
    def __init__(self, popen):
        self.popen = popen

    def end(self, number=signal.SIGTERM):
        self.popen.send_signal(number)
        self.popen.wait(60)


def main():
    if sys.argv[1:2] == ['copy-out']:
        return copy_out(int(sys.argv[2]))
    if sys.argv[1:2] == ['copy-in']:
        return copy_in(int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else '')
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--seconds', type=float, default=1.0)
    parser.add_argument('--names', type=int, default=1000000)
    parser.add_argument('--samba-names', type=int, default=100000)
    parser.add_argument('--rows', default=','.join(ROWS), type=lambda text: text.split(','))
    parser.add_argument('--folder', default='.', help='where the data folders stand')
    parser.add_argument('--out', default='.', type=Path)
    parser.add_argument('--cores', default='0,1', type=lambda text: [int(n) for n in text.split(',')])
    args = parser.parse_args()
    wrong = set(args.rows) - set(ROWS)
    if wrong:
        parser.error(f"no such row: {', '.join(wrong)}; there are {', '.join(ROWS)}")
    net_lab.enter(sys.argv)
    print(f'{args.names} records, {args.rounds} rounds in turns, medians; load average before: '
          f'{os.getloadavg()[0]:.1f}', flush=True)
    lab = net_lab.Lab(args.build, args.folder, args.cores)
    try:
        bench = Bench(lab, args)
        for row in args.rows:
            getattr(bench, row)()
    finally:
        lab.close()
    (args.out / 'pull.txt').write_text('\n'.join([*bench.findings, '', *lab.shown, '']))
    return None


if __name__ == '__main__':
    main()
