# SPDX-License-Identifier: Apache-2.0
"""Samba's own test of replication, whose expectations were recorded against Windows: it plays several
owners that replicate into the server, and the computers that the server then challenges. Spec: wins 3."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import peers, tap
from lib.case import ServerCase

ADDRESSES = ('192.0.2.61', '192.0.2.62')
PARTNERS = '\n'.join(f'    - {{address: {a}, pull: true, push: true, pull-interval: 0s}}' for a in ADDRESSES)


class WinsReplication(ServerCase):
    # Challenges must end before Samba's test looks for their end.
    options = {'challenge_interval': '250ms', 'challenge_retries': '2'}

    def winsd(self, host, **options):
        server = super().winsd(host, **options)
        server.conf.write_text(f'replication:\n  pause: never\n  pull-at-start: false\n'
                               f'  push-at-start: false\n  partners:\n{PARTNERS}\n')
        return server

    def setUp(self):
        super().setUp()
        self.client = self.lab.host('torture', ADDRESSES)
        self.folder = self.client.path('smbtorture')
        self.folder.mkdir()
        self.finds(self.folder, 'WINSSRV', self.server.address)

    def torture(self, test, cases=0):
        status, output = peers.smbtorture(self.client, self.folder, ADDRESSES, 'WINSSRV',
                                          f'nbt.winsreplication.{test}')
        self.assertEqual(status, 0, output[-3000:])
        self.assertIn(f'success: {test}', output)
        done = [line for line in output.splitlines() if re.search(r' => (?!SKIPPED)', line)]
        self.assertGreaterEqual(len(done), cases, output[-3000:])

    def test_handles_differ_between_connections(self):
        self.torture('assoc_ctx2')

    def test_a_puller_gets_the_owners_and_their_records(self):
        self.torture('wins_replication')

    def test_replicas_against_replicas_of_another_owner(self):
        self.torture('replica', 200)

    def test_replicas_against_own_records_and_living_computers(self):
        self.torture('owned', 130)


if __name__ == '__main__':
    tap.main(['smbtorture'])
