# SPDX-License-Identifier: Apache-2.0
"""Two datagrams take a name: a release forged from its owner, which lives and answers, and then a claim. Without
the option challenge-released the server does as Windows does, and tells; with it no name is lost."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../system'))

from lib import attacker, netbios, tap
from lib.case import LabCase
from lib.netbios import Name
from lib.node import Node

SERVER, OWNER, THIEF = '192.0.2.10', '192.0.2.20', '192.0.2.66'
NAMES = 20


class ReleaseThenClaim(LabCase):
    def attack(self, **options):
        """How many of the owner's names the thief got, of how many."""
        attacker.begin()
        server = self.winsd(self.lab.host('server', SERVER), challenge_interval='10s', **options).start()
        owner = Node(self.lab.host('owner', OWNER), SERVER)
        host = self.lab.host('thief', THIEF)
        thief, forger = Node(host, SERVER), attacker.Forger(host, OWNER)
        self.addCleanup(forger.stop)
        taken, tried, end = 0, 0, time.monotonic() + attacker.SECONDS / 4
        while tried < NAMES or (time.monotonic() < end and tried < 50 * NAMES):
            name = Name(f'VICTIM{tried}')
            tried += 1
            owner.own(name, [OWNER])
            self.assertEqual(owner.register(name, tries=3).rcode, netbios.OK)
            forger.send(netbios.request(7, netbios.RELEASE, name, OWNER), SERVER)
            thief.fence()  # the release was taken before the claim
            answers = thief.request(netbios.REGISTER, name, THIEF)
            self.assertEqual(answers[-1].opcode, netbios.REGISTER)
            self.assertEqual(answers[-1].rcode == netbios.OK, owner.resolve(name, tries=3) == [THIEF])
            taken += answers[-1].rcode == netbios.OK
        self.told = {n: [e for e in server.ctl('events') if e['number'] == n] for n in (10196, 10197)}
        return taken, tried

    def test_a_name_that_is_asked_for_is_not_lost(self):
        taken, tried = self.attack(challenge_released='true')
        attacker.figure('names taken by a forged release and a claim, challenge-released on', taken, tried)
        self.assertEqual(taken, 0)
        self.assertEqual(self.told[10196], [])
        self.assertIn(f'but {OWNER} has it and answered for it', self.told[10197][0]['sentence'])

    def test_without_asking_each_loss_is_told(self):
        taken, tried = self.attack()
        attacker.figure('names taken by a forged release and a claim, challenge-released off', taken, tried)
        self.assertEqual(taken, tried)
        self.assertIn(f'went from {OWNER} to {THIEF}', self.told[10196][0]['sentence'])
        self.assertEqual(self.told[10197], [])


if __name__ == '__main__':
    tap.main()
