# SPDX-License-Identifier: Apache-2.0
"""A disk that fails a few syncs and is well again: changes are refused no longer than the disk is ill, but for a
moment, and nothing acknowledged is lost. The failures are put into the running server's system calls by strace."""

import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'system'))

from lib import attacker, lab, tap
from lib.burst import Burst, numbered
from lib.case import ServerCase

CLIENT = '192.0.2.97'
WELL_IN = 3.0  # seconds; on a machine with nothing else to do it is a tenth of one
ILL = 8.0      # seconds, long enough for tries to be as rare as they become


class FailedSync(ServerCase):
    def setUp(self):
        super().setUp()
        attacker.begin()
        self.burst = Burst(self.lab.host('client', CLIENT), self.server.address)
        self.addCleanup(self.burst.close)
        self.names = iter(numbered(100000))

    def registers(self):
        """Does one registration succeed?"""
        name = next(self.names)
        self.burst.refused.clear()
        self.burst.register_all([name], lambda _: CLIENT)
        return name in self.burst.noted

    def make_ill(self, how):
        ill = self.server_host.start('strace', '-f', '-p', self.server.pid, '-e', 'trace=fdatasync',
                                     '-e', f'inject=fdatasync:error=EIO{how}')
        lab.wait_until(lambda: 'attached' in ill.output(), 20, 'strace to attach')
        lab.wait_until(lambda: not self.registers(), 20, 'a registration to be refused')
        return ill

    def well_after(self):
        began = time.monotonic()
        lab.wait_until(self.registers, 60, 'a registration to be accepted')
        return time.monotonic() - began

    def check(self, took, what):
        attacker.figure(f'{what}: refused longer than {WELL_IN:g} s after the disk was well',
                        int(took > WELL_IN), 1)
        self.assertLess(took, WELL_IN)
        self.server.restart('kill9')
        self.burst.give_up()
        self.assertEqual(self.burst.wrong(), {})

    def test_one_failed_sync_refuses_changes_for_a_moment(self):
        self.assertTrue(self.registers())
        self.make_ill(':when=1').end(signal.SIGINT)
        self.check(self.well_after(), 'one failed sync')

    def test_when_the_disk_is_well_again_changes_are_accepted_soon(self):
        ill = self.make_ill('')
        time.sleep(ILL)
        self.assertFalse(self.registers())
        ill.end(signal.SIGINT)
        # What is tried again at the latest after 3.2 s.
        self.check(max(0, self.well_after() - 3.2), 'many failed syncs')


if __name__ == '__main__':
    tap.main(['strace'])
