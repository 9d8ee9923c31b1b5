# SPDX-License-Identifier: Apache-2.0
"""A full disk: registrations are answered SRV_ERR, queries go on, a person is told; once there is
room it works again by itself, and nothing acknowledged was lost. Design: limits and bad input."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.burst import Burst, numbered
from lib.case import ServerCase
from lib.netbios import Name

CLIENT = '192.0.2.99'
SIZE = 24 << 20
MANY = 400000
CHUNK = 65536


class DiskFull(ServerCase):
    def setUp(self):
        self.before_server()
        super().setUp()
        self.burst = Burst(self.lab.host('client', CLIENT), self.server.address)
        self.addCleanup(self.burst.close)
        self.capture.stop()

    def before_server(self):
        """winsd() finds its data folder on a file system of its own."""
        self.disk = os.path.join(os.environ[tap.INSIDE], f'disk{id(self)}')
        os.mkdir(self.disk)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={SIZE}', 'disk', self.disk], check=True)
        self.addCleanup(subprocess.run, ['umount', '-l', self.disk], check=True)

    def winsd(self, host, **options):
        return super().winsd(host, data=lab.Path(self.disk, 'data'), names_per_address=0, **options)

    def fill(self):
        with open(os.path.join(self.disk, 'ballast'), 'wb', buffering=0) as ballast:
            for size in (CHUNK, 1):
                try:
                    while True:
                        ballast.write(b'\xff' * size)
                except OSError:
                    pass

    def make_room(self):
        os.unlink(os.path.join(self.disk, 'ballast'))

    def until_refused(self):
        """Fills what the journal has in reserve."""
        self.fill()
        self.burst.register_all(numbered(MANY), lambda name: CLIENT)
        self.assertTrue(self.burst.refused, 'the disk never became full')
        # A batch is refused as a whole: of those decided at once a smaller one may still fit behind it.
        self.assertTrue(any(self.lone_is_refused(name) for name in numbered(2000, 'L')),
                        'a lone registration always found room')
        self.assertEqual({m.rcode for _, m in self.burst.refused}, {netbios.SRV})

    def lone_is_refused(self, name):
        earlier, self.burst.refused = self.burst.refused, []
        self.burst.register_all([name], lambda _: CLIENT)
        self.burst.refused += earlier
        return name not in self.burst.noted

    def works_again(self):
        name = Name('ROOM')
        def accepted():
            self.burst.refused.clear()
            self.burst.register_all([name], lambda _: CLIENT)
            return name in self.burst.noted
        lab.wait_until(accepted, 20, 'a registration to be accepted')

    def events(self):
        return ' '.join(str(event) for event in self.server.ctl('events'))

    def test_registrations_fail_and_queries_go_on(self):
        self.until_refused()
        known = list(self.burst.noted)[:200]
        found = self.burst.resolve_all(known)
        self.assertEqual({tuple(ips or ()) for ips in found.values()}, {(CLIENT,)})

    def test_a_person_is_told(self):
        self.until_refused()
        for told in (self.events, self.server.output):
            lab.wait_until(lambda: 'no space' in told().lower(), 5, 'a person to be told')
        self.assertIs(self.server.ctl('status')[0]['writable'], False)
        self.make_room()
        self.works_again()
        self.assertIs(self.server.ctl('status')[0]['writable'], True)

    def test_refused_registration_leaves_no_trace(self):
        self.until_refused()
        refused = [name for name, _ in self.burst.refused]
        self.assertEqual(set(self.burst.resolve_all(refused).values()), {None})

    def test_works_again_when_there_is_room_and_nothing_was_lost(self):
        self.until_refused()
        self.make_room()
        self.works_again()
        self.burst.give_up()
        self.server.restart('kill9')
        self.assertEqual(self.burst.wrong(), {})

    def test_kill_9_while_full_loses_nothing(self):
        self.until_refused()
        self.burst.give_up()
        self.server.kill9()
        self.make_room()
        self.server.start()
        self.assertEqual(self.burst.wrong(), {})
        self.works_again()


if __name__ == '__main__':
    tap.main()
