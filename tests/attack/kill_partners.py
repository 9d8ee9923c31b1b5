# SPDX-License-Identifier: Apache-2.0
"""kill -9 of two replicating partners in turns, under load at both: whatever was acknowledged is there after
each restart, each record has its due time and version of before or a later one, no version is given twice, and
at the end both have the same. Spec: wins 1.1, 1.6, 3.6."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))

from lib import attacker, netbios, tap
from lib.burst import ACTIVE, RELEASED, Burst, numbered
from lib.case import LabCase
from lib.lab import wait_until

SITES = (('192.0.2.10', [f'192.0.2.{n}' for n in range(71, 75)]),
         ('198.51.100.10', [f'198.51.100.{n}' for n in range(71, 75)]))
POPULATION, MOST = 300, 400
LEAST_ROUNDS = 4  # each server is killed twice however short the attack is


class Site:
    """A server, its clients and what it acknowledged to them."""

    def __init__(self, case, number):
        address, self.clients = SITES[number]
        other = SITES[1 - number][0]
        host = case.lab.host(f's{number}', address)
        self.server = case.winsd(host, **{
            'replication.partners': f'[{{address: {other}, pull-interval: 1s}}]',
            'replication.pause': 'never', 'replication.retry-interval': '1s',
            'snapshot-journal-size': '1MiB'}).start()
        self.burst = Burst(case.lab.host(f'c{number}', tuple(self.clients)), address)
        case.addCleanup(self.burst.close)
        self.names = numbered(POPULATION, 'NM'[number])
        self.highest = 0

    def choose(self, _name, noted):
        if noted and noted[0] == ACTIVE:
            if random.random() < 0.4:
                return netbios.RELEASE, noted[1], (RELEASED, None)
            return netbios.REFRESH, noted[1], noted
        address = random.choice(self.clients)
        return netbios.REGISTER, address, (ACTIVE, address)

    def load(self):
        self.burst.change(self.names, self.burst.more(random.randint(1, MOST)), self.choose)

    def kill(self):
        """Returns what was there a moment before, which is durable: it was shown."""
        seen = self.server.records()
        self.load()
        self.server.kill9()
        self.burst.take(0, self.burst.note)
        self.burst.give_up()
        self.server.start()
        return seen


class KillPartners(LabCase):
    def setUp(self):
        super().setUp()
        random.seed(attacker.begin().random())
        self.sites = [Site(self, number) for number in range(2)]

    def compare(self, site, seen, where):
        """Nothing acknowledged is lost; no record is older than it was shown."""
        lost = site.burst.wrong()
        now = site.server.records()
        for name, was in seen.items():
            self.assertIn(name, now, where)
            record = now[name]
            if record['owner'] != was['owner']:
                continue
            self.assertGreaterEqual(record['version'], was['version'], f'{name} {where}')
            if record['version'] == was['version'] and record['state'] == was['state']:
                self.assertGreaterEqual(record['due'], was['due'], f'{name} {where}')
        own = [r['version'] for r in now.values() if r['owner'] == 'self']
        self.assertEqual(len(own), len(set(own)), where)
        self.assertGreaterEqual(max(own), site.highest, where)
        site.highest = max(own)
        self.assertEqual(site.burst.refused, [], where)
        return lost

    def test_nothing_acknowledged_is_lost_between_two_that_are_killed(self):
        end, rounds, lost = time.monotonic() + attacker.SECONDS, 0, {}
        for site in self.sites:
            site.load()
        while rounds < LEAST_ROUNDS or time.monotonic() < end:
            site = self.sites[rounds % 2]
            lost.update(self.compare(site, site.kill(), f'round {rounds}, seed {attacker.SEED}'))
            rounds += 1
        total = sum(site.burst.acknowledged for site in self.sites)
        attacker.figure('acknowledged changes lost by kill -9 of partners', len(lost), total)
        self.assertEqual(lost, {})
        wait_until(self.same, 60, 'both to have the same')

    def same(self):
        """Each has of the other all that travels, under its versions."""
        for site, other in (self.sites, self.sites[::-1]):
            own = {n: r['version'] for n, r in site.server.records().items()
                   if r['owner'] == 'self' and r['state'] == 'active'}
            there = {n: r['version'] for n, r in other.server.records().items()
                     if r['owner'] == site.server.address and r['state'] == 'active'}
            if {n: v for n, v in there.items() if n in own} != own:
                return False
        return True


if __name__ == '__main__':
    tap.main()
