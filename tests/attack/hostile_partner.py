# SPDX-License-Identifier: Apache-2.0
"""A configured partner that says anything: claims of versions at and about every bound, records under versions
and owners that nobody asked for, counts that do not fit, connections left half open, answers never read. An
honest partner's records come in all the same, a partner that pulls gets all, the version counter stays where
partners believe it, memory stays bounded, and events name the liar. Spec: wins 1.6, 3.2-3.6."""

import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))

from lib import attacker, tap, wrepl
from lib.case import LabCase
from lib.lab import wait_until
from lib.netbios import Name
from lib.node import Node

A, B, LIAR = '192.0.2.10', '198.51.100.10', '203.0.113.10'
CLIENT = '192.0.2.95'
LEAP_MAX, BELIEVED = 1 << 40, 1 << 60
MEMORY = 300 << 20  # bytes that the server may grow by, a sanitizer's shadow included


def partners(*rows):
    return '[' + ', '.join(f'{{address: {a}, pull-interval: {i}}}' for a, i in rows) + ']'


class HostilePartner(LabCase):
    def setUp(self):
        super().setUp()
        self.random = attacker.begin()
        random.seed(attacker.SEED)
        self.a = self.start('sa', A, (B, '1s'), (LIAR, 0))
        self.b = self.start('sb', B, (A, '1s'))
        self.liar = self.lab.host('liar', LIAR)
        self.client = Node(self.lab.host('client', CLIENT), A)
        self.rounds = 0

    def start(self, name, address, *rows):
        server = self.winsd(self.lab.host(name, address), **{
            'replication.partners': partners(*rows), 'replication.pause': 'never',
            'replication.retry-interval': '1s', 'replication.message-timeout': '2s'})
        # What a sanitizer keeps of freed memory to find its uses, 256 MiB if nobody says less, is not the server's.
        return server.start({'ASAN_OPTIONS': f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=8"})

    def number(self):
        at = 1 << self.random.randrange(64)
        return self.random.choice((self.random.randrange(20), 2 ** 64 - 1 - self.random.randrange(3),
                                   BELIEVED - 2 + self.random.randrange(4),
                                   LEAP_MAX - 2 + self.random.randrange(4), at - 1, at))

    def rows(self):
        return [(self.random.choice((A, B, LIAR, '203.0.113.77')), self.number())
                for _ in range(self.random.randrange(1, 9))]

    def records(self, version):
        return [wrepl.record(b'FORGED%09d\x20' % self.random.randrange(20),
                             self.random.choice((version, self.number())), LIAR)
                for _ in range(self.random.randrange(6))]

    def tell(self, peer, rows):
        """A notice; what is asked because of it is answered with anything."""
        peer.send(wrepl.notify(peer.theirs, rows, LIAR))
        for _ in range(20):
            _handle, kind, op, body = peer.take()
            if kind != wrepl.REPLICATION or op != wrepl.RECORDS:
                return
            highest, = struct.unpack('>Q', body[4:12])
            peer.send(wrepl.records_response(peer.theirs, self.records(highest)))

    def lie(self):
        """One connection; the server may end it at any time."""
        peer = wrepl.Peer.connect(self.liar, A, timeout=1)
        try:
            kind = self.random.randrange(5)
            if kind == 0:
                peer.send(wrepl.start()[:self.random.randrange(1, 40)])  # and nothing more
                self.half.append(peer)
                return
            peer.associate()
            if kind == 1:
                body = struct.pack('>II', wrepl.MAP_RESPONSE, self.random.choice((2 ** 32 - 1, 10 ** 6)))
                peer.send(wrepl.message(wrepl.REPLICATION, peer.theirs, body))
            elif kind == 2:
                for _ in range(50):  # and reads none of it
                    peer.send(wrepl.records_request(peer.theirs, A, 0, 2 ** 64 - 1))
                self.half.append(peer)
                return
            else:
                self.tell(peer, self.rows())
        except (OSError, EOFError):
            pass
        peer.close()

    def memory(self):
        with open(f'/proc/{self.a.pid}/statm') as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def has(self, server, name):
        return str(name) in server.records()

    def test_one_claim_does_not_make_partners_ignore_the_server(self):
        tries, failed = 0, 0
        for claim in (BELIEVED - 1, 1 << 62, LEAP_MAX + 10 ** 9):
            peer = wrepl.Peer.connect(self.liar, A)
            peer.associate()
            self.tell(peer, [(A, claim)])
            peer.close()
            name = Name(f'AFTER{tries}')
            self.client.register(name)
            tries += 1
            try:
                wait_until(lambda: self.has(self.b, name), 30, f'{name} at the honest partner')
            except (AssertionError, TimeoutError):
                failed += 1
        attacker.figure('partners that ignore us after the leap', failed, tries)
        self.assertEqual(failed, 0)
        told = self.a.output()
        self.assertIn('10182', told)
        self.assertIn('10180', told)
        done = self.a.run_ctl('raise-version', str(LEAP_MAX + 10 ** 9))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.client.register(Name('LATER'))
        self.assertGreater(self.a.records()['LATER<20>']['version'], LEAP_MAX)
        wait_until(lambda: self.has(self.b, Name('LATER')), 30, 'a record above the accepted leap')

    def test_honest_replication_goes_on(self):
        self.half, end = [], time.monotonic() + attacker.SECONDS
        before, names, server_b = self.memory(), [], Node(self.lab.host('cb', '192.0.2.96'), B)
        while time.monotonic() < end:
            for _ in range(20):
                self.lie()
            while len(self.half) > 12:
                self.half.pop(0).close()
            self.rounds += 1
            names.append(Name(f'HONEST{self.rounds}'))
            (self.client if self.rounds % 2 else server_b).register(names[-1])
        for peer in self.half:
            peer.close()
        missing = 0
        for server in (self.a, self.b):
            def left():
                return set(map(str, names)) - set(server.records())
            try:
                wait_until(lambda: not left(), 60, 'all honest names')
            except TimeoutError:
                missing += len(left())
        attacker.figure('honest names that did not come through', missing, 2 * len(names))
        self.assertEqual(missing, 0)
        self.assertLess(self.memory() - before, MEMORY)
        highest = max(r['version'] for r in self.a.records().values() if r['owner'] == 'self')
        self.assertLess(highest, LEAP_MAX + 10 ** 9)


if __name__ == '__main__':
    tap.main()
