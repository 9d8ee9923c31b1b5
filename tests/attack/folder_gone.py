# SPDX-License-Identifier: Apache-2.0
"""The data folder of a running server is deleted, renamed, hidden by a mount, or an older backup is put over it:
a second later nothing is acknowledged any more that a restart would not find; queries go on, a person is told, and
the server goes on by itself when the very same folder is back."""

import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'system'))

from lib import attacker, lab, tap
from lib.burst import Burst, numbered
from lib.case import ServerCase

CLIENT = '192.0.2.98'
BOUND = 1.0    # second between looks
SLACK = 1.0    # of a machine with other things to do
AFTER = 5.0    # seconds for which registrations are tried after the loss


class FolderGone(ServerCase):
    def setUp(self):
        super().setUp()
        attacker.begin()
        self.capture.stop()
        self.data = pathlib.Path(self.server.data)
        self.burst = Burst(self.lab.host('client', CLIENT), self.server.address)
        self.addCleanup(self.burst.close)
        self.names = iter(numbered(1000000))

    def registers(self):
        name = next(self.names)
        self.burst.refused.clear()
        self.burst.register_all([name], lambda _: CLIENT)
        return name in self.burst.noted

    def attack(self, what, do):
        """Registers without end and takes the folder away in between; how often what was acknowledged later than
        the bound is the attack's success."""
        for _ in range(50):
            self.assertTrue(self.registers())
        before = set(self.burst.noted)
        began = threading.Event()
        def act():
            do()
            began.set()
        actor = threading.Thread(target=act)
        actor.start()
        late, tried, lost_at = [], 0, None
        while lost_at is None or time.monotonic() < lost_at + AFTER:
            kept = self.registers()
            now = time.monotonic()
            if lost_at is None:
                lost_at = now if began.is_set() else None
                continue
            tried += 1
            if kept and now > lost_at + BOUND + SLACK:
                late.append(now - lost_at)
        actor.join()
        attacker.figure(f'{what}: acknowledged later than {BOUND + SLACK:g} s after the loss', len(late), tried)
        self.assertEqual(late, [])
        self.refuses(before)

    def refuses(self, known):
        self.assertFalse(self.registers())
        status = self.server.ctl('status')[0]
        self.assertIs(status['writable'], False)
        self.assertIn('10170', ' '.join(str(event) for event in self.server.ctl('events')))
        some = list(known)[:20]
        found = self.burst.resolve_all(some)
        self.assertEqual({tuple(ips or ()) for ips in found.values()}, {(CLIENT,)})

    def works_again_and_nothing_is_lost(self):
        lab.wait_until(self.registers, 20, 'a registration to be accepted')
        self.assertIs(self.server.ctl('status')[0]['writable'], True)
        self.server.restart('kill9')
        self.burst.give_up()
        self.assertEqual(self.burst.wrong(), {})

    def test_renamed(self):
        aside = self.data.with_name('aside')
        self.attack('renamed', lambda: self.data.rename(aside))
        aside.rename(self.data)
        self.works_again_and_nothing_is_lost()

    def test_hidden_by_a_mount(self):
        self.attack('hidden by a mount', lambda: subprocess.run(
            ['mount', '-t', 'tmpfs', 'attack', self.data], check=True))
        subprocess.run(['umount', self.data], check=True)
        self.works_again_and_nothing_is_lost()

    def test_deleted(self):
        self.attack('deleted', lambda: shutil.rmtree(self.data))

    def test_files_deleted(self):
        self.attack('files deleted', lambda: [file.unlink() for file in self.data.iterdir()])

    def test_an_older_backup_put_over_it(self):
        backup = self.data.with_name('older')
        self.server.end()
        subprocess.run(['cp', '-a', self.data, backup], check=True)
        self.server.start()
        def restore():
            for file in self.data.iterdir():
                file.unlink()
            subprocess.run(['cp', '-a', f'{backup}/.', self.data], check=True)
        self.attack('older backup put over', restore)

    def test_journal_written_over_in_place(self):
        newest = max(self.data.glob('journal-*'), key=lambda f: int(f.name.split('-')[1]))
        def overwrite():
            with open(newest, 'r+b') as file:
                file.truncate(0)
                file.write(b'\0' * 5000)
        self.attack('journal written over', overwrite)


if __name__ == '__main__':
    tap.main()
