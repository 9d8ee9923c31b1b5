# SPDX-License-Identifier: Apache-2.0
"""Who fills the database so that others cannot register: one computer that names 2,000 addresses, and groups;
many forged senders with few names each; a partner with more records than there are places."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../system'))

from lib import attacker, lab, netbios, tap
from lib.case import LabCase
from lib.netbios import Name
from lib.node import Node

SERVER, PARTNER, CLIENT, BAD = '192.0.2.10', '192.0.2.11', '192.0.2.20', '192.0.2.66'
PLACES, EACH, FEW = 1000, 100, 25
OTHERS = 20


class Quota(LabCase):
    def start(self, **options):
        attacker.begin()
        self.server = self.winsd(self.lab.host('server', SERVER), names_max=PLACES, **{
            'names-per-address': EACH, 'fair-shares': 'false', **options}).start()
        self.client = Node(self.lab.host('client', CLIENT), SERVER)
        self.bad = self.lab.host('bad', BAD)

    def held(self):
        return self.server.ctl('status')[0]['records']

    def told(self, number):
        return [e for e in self.server.ctl('events') if e['number'] == number]

    def others(self, what):
        """How many of the names of somebody with few are refused."""
        refused = sum(self.client.register(Name(f'GOOD{i}'), tries=3).rcode != netbios.OK for i in range(OTHERS))
        attacker.figure(f'new names refused to somebody with few, {what}', refused, OTHERS)
        self.assertEqual(refused, 0)
        self.assertEqual(self.client.resolve(Name('GOOD0'), tries=3), [CLIENT])

    def test_one_computer_that_names_many_addresses_gets_its_share(self):
        self.start()
        bad = Node(self.bad, SERVER)
        got = 0
        for i in range(2 * PLACES):
            flags = netbios.GROUP | netbios.H_NODE if i % 2 else netbios.H_NODE
            answer = bad.register(Name(f'FLOOD{i:06}'), f'10.1.{i >> 8}.{i & 255}', nb_flags=flags, tries=3)
            got += answer.rcode == netbios.OK
        attacker.figure('places that one computer took by naming 2,000 addresses and groups', got, PLACES)
        self.assertLessEqual(got, EACH)
        self.assertIn(f'{BAD} registered as many names', self.told(10070)[0]['sentence'])
        self.others('one computer floods')

    def test_many_senders_with_few_names_make_room(self):
        self.start()
        kept = Node(self.lab.host('kept', '192.0.2.21'), SERVER)
        for i in range(10):
            for _ in range(2):  # registered, and refreshed
                self.assertEqual(kept.register(Name(f'KEPT{i}'), tries=3).rcode, netbios.OK)
        for sender in range(PLACES // FEW + 1):
            forger = attacker.Forger(self.bad, f'10.2.0.{sender + 1}')
            for i in range(FEW):
                forger.send(netbios.request(i, netbios.REGISTER, Name(f'F{sender}X{i}'), '10.3.0.1'), SERVER)
            forger.stop()
            lab.wait_until(lambda: self.held() >= min(PLACES, 10 + (sender + 1) * FEW), 60,
                           'the flood to be stored')
        self.others('many senders flood')
        self.assertIn('never refreshed', self.told(10199)[0]['sentence'])
        names = self.server.records()
        lost = sum(f'KEPT{i}<20>' not in names for i in range(10))
        attacker.figure('refreshed names that made room', lost, 10)
        self.assertEqual(lost, 0)

    def test_a_partner_leaves_this_servers_names_their_share(self):
        self.start(**{'replication.partners': f'[{{address: {PARTNER}, pull-interval: 0}}]',
                      'replication.retry-interval': '1s', 'replication.pause': 'never'})
        other = self.winsd(self.lab.host('partner', PARTNER), **{
            'replication.partners': f'[{{address: {SERVER}, pull-interval: 0}}]', 'fair-shares': 'false',
            'replication.pause': 'never'}).start()
        bad = attacker.Forger(self.bad, BAD)
        for i in range(0, 2 * PLACES, 50):
            for k in range(i, i + 50):
                bad.send(netbios.request(k, netbios.REGISTER, Name(f'R{k}'), BAD), PARTNER)
            lab.wait_until(lambda: other.ctl('status')[0]['records'] >= i + 50, 60, 'the partner to be filled')
        bad.stop()
        self.server.ctl('replicate-now', PARTNER, check=False)
        lab.wait_until(lambda: self.held() >= PLACES * 9 // 10, 60, 'the replicas to come')
        attacker.figure('places that replicas took', self.held(), PLACES)
        self.assertEqual(self.held(), PLACES * 9 // 10)
        self.others('a partner floods')


if __name__ == '__main__':
    tap.main()
