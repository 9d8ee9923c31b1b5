# SPDX-License-Identifier: Apache-2.0
"""A disk that takes milliseconds for each sync, made of the usual one by strace: the server decides the next
batch while one is synced, in a thread of its own. What was acknowledged is there after kill -9, and
what no packet began is answered all the same. Design: wins, store."""

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.burst import ACTIVE, Burst, numbered
from lib.case import SILENCE, ServerCase
from lib.netbios import Name
from lib.node import Asked, Node

CLIENT, NOBODY = '192.0.2.91', '192.0.2.250'
SYNC_US = 3000


class SlowDiskCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.client = self.lab.host('client', CLIENT)
        strace = self.server_host.start('strace', '-f', '-p', self.server.pid, '-e', 'trace=fdatasync', '-e',
                                        f'inject=fdatasync:delay_exit={SYNC_US}', '-o', '/dev/null')
        self.addCleanup(strace.end, signal.SIGINT)  # before the server: no leak is found under strace
        lab.wait_until(lambda: 'attached' in strace.output(), 20, 'strace to attach')

    def has_journal_thread(self):
        """It is begun with the first batch that is not waited for."""
        tasks = Path(f'/proc/{self.server.pid}/task')
        return 'journal' in {(task / 'comm').read_text().strip() for task in tasks.iterdir()}


class Load(SlowDiskCase):
    def setUp(self):
        super().setUp()
        self.burst = Burst(self.client, self.server.address)
        self.addCleanup(self.burst.close)
        self.capture.stop()

    def test_nothing_acknowledged_is_lost_by_kill_9(self):
        names = numbered(1000)
        self.burst.change(names, self.burst.more(3000), lambda name, noted: (
            netbios.REFRESH if noted else netbios.REGISTER, CLIENT, (ACTIVE, CLIENT)))
        self.assertTrue(self.has_journal_thread())
        self.server.kill9()
        self.burst.take(0, self.burst.note)
        self.burst.give_up()
        self.server.start()
        self.assertEqual(self.burst.wrong(), {})
        self.assertEqual(self.burst.refused, [])
        versions = list(self.server.versions().values())
        self.assertEqual(len(versions), len(set(versions)))


class Silence(SlowDiskCase):
    options = SILENCE

    def test_silences_that_end_while_no_packet_comes_are_all_answered(self):
        # The server asserts that it does not rest while something is on its way to the disk.
        node = Node(self.client, self.server.address)
        names = [Name(f'SILENT{i}') for i in range(40)]
        for name in names:
            node.register(name, NOBODY)
        self.assertTrue(self.has_journal_thread())
        with ExitStack() as stack:
            asked = [stack.enter_context(Asked(node, netbios.request(0x4000 + i, netbios.REGISTER, name, CLIENT)))
                     for i, name in enumerate(names)]
            self.assertEqual({one.answers()[-1].rcode for one in asked}, {netbios.OK})


if __name__ == '__main__':
    tap.main(['strace'])
