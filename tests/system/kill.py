# SPDX-License-Identifier: Apache-2.0
"""kill -9, again and again, at random moments under load: what was acknowledged is there after each
restart, and no version number is ever given twice. KILL_ROUNDS says how often, KILL_SEED repeats a
run. Spec: wins 1.1 (versions on stable storage before being shown)."""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import netbios, tap
from lib.burst import ACTIVE, RELEASED, Burst, numbered
from lib.case import ServerCase

ROUNDS = int(os.environ.get('KILL_ROUNDS', '20'))
SEED = int(os.environ.get('KILL_SEED', str(random.randrange(1 << 32))))
POPULATION = 1500
MOST = 2000  # changes from one kill to the next
# Releases must come from a member: the client owns every address that it registers.
CLIENT = [f'192.0.2.{n}' for n in range(71, 91)]


def choose(_name, noted):
    """A new registration gets any address: what is released is replaced without a challenge."""
    if noted and noted[0] == ACTIVE:
        if random.random() < 0.4:
            return netbios.RELEASE, noted[1], (RELEASED, None)
        return netbios.REFRESH, noted[1], noted
    address = random.choice(CLIENT)
    return netbios.REGISTER, address, (ACTIVE, address)


class Kill(ServerCase):
    options = {'snapshot_journal_size': '1MiB'}

    def setUp(self):
        super().setUp()
        host = self.lab.host('client', tuple(CLIENT))
        self.burst = Burst(host, self.server.address)
        self.addCleanup(self.burst.close)
        # The capture is for small talk; this is a load.
        self.capture.stop()

    def test_nothing_acknowledged_is_lost_by_kill_9(self):
        print(f'# KILL_SEED={SEED} KILL_ROUNDS={ROUNDS}', flush=True)
        random.seed(SEED)
        names = numbered(POPULATION)
        highest = 0
        for number in range(1, ROUNDS + 1):
            self.burst.change(names, self.burst.more(random.randint(1, MOST)), choose)
            self.server.kill9()
            self.burst.take(0, self.burst.note)
            self.burst.give_up()
            self.server.start()
            self.assertEqual(self.burst.wrong(), {}, f'round {number}, seed {SEED}')
            self.assertEqual(self.burst.refused, [], f'round {number}, seed {SEED}')
            versions = list(self.server.versions().values())
            self.assertEqual(len(versions), len(set(versions)), f'round {number}, seed {SEED}')
            self.assertGreaterEqual(max(versions), highest)
            highest = max(versions)
        print(f'# {self.burst.acknowledged} changes acknowledged, none lost', flush=True)


if __name__ == '__main__':
    tap.main()
