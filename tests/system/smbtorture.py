# SPDX-License-Identifier: Apache-2.0
"""Samba's own test of WINS servers, whose expectations were recorded against Windows."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import peers, tap
from lib.case import ServerCase

NAMES = 18
ADDRESSES = ('192.0.2.61', '192.0.2.62')


class Smbtorture(ServerCase):
    def test_nbt_wins_wins_passes_for_all_its_names(self):
        client = self.lab.host('torture', ADDRESSES)
        folder = client.path('smbtorture')
        folder.mkdir()
        self.finds(folder, 'WINSSRV', self.server.address)
        status, output = peers.smbtorture(client, folder, ADDRESSES, 'WINSSRV', 'nbt.wins.wins')
        tested = re.findall(r'^Testing name .*', output, re.M)
        self.assertEqual(status, 0, output[-3000:])
        self.assertIn('success: wins', output)
        self.assertEqual(len(tested), NAMES, output[-3000:])


if __name__ == '__main__':
    tap.main(['smbtorture'])
