# SPDX-License-Identifier: Apache-2.0
"""Replication with Samba's AD server, in both directions: what clients do at either server is known at
the other, also across kills in the middle. Spec: wins 3."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, peers, tap
from lib.case import LabCase
from lib.netbios import Name
from lib.node import Node, Silence

OURS, THEIRS = '192.0.2.10', '192.0.2.20'
A, B = '192.0.2.41', '192.0.2.42'
SOON = 30


class SambaAd(LabCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.host('ours', OURS)
        self.peer = self.lab.host('theirs', THEIRS)
        self.capture = self.lab.capture(self.host)
        self.addCleanup(self.check_capture)
        self.samba = peers.SambaAd(self.peer, [OURS], pull_interval=1).start()
        self.server = self.winsd(self.host, challenge_interval='100ms')
        self.server.conf.write_text(
            'replication:\n  retry-interval: 1s\n  partners:\n'
            f'    - {{address: {THEIRS}, pull-interval: 1s, update-count: 1}}\n')
        self.server.start()
        self.client_a, self.client_b = self.lab.host('a', A), self.lab.host('b', B)
        self.at_ours = Node(self.client_a, OURS)
        self.at_theirs = Node(self.client_b, THEIRS)
        lab.wait_until(lambda: self.ask(self.at_theirs, Name('SAMBAAD')), SOON, 'Samba to serve')
        # A new server promises nothing before it knows what its partners have seen of it (1.6).
        lab.wait_until(lambda: self.partner()['last-pull'], SOON, 'the first pull')

    def check_capture(self):
        self.assertEqual(self.capture.malformed([OURS]), '')

    def ask(self, node, name):
        """What the node's server says: addresses, [] for "no such name", None for nothing."""
        try:
            return sorted(node.resolve(name, timeout=1) or [])
        except Silence:
            return None

    def soon(self, node, name, ips):
        lab.wait_until(lambda: self.ask(node, name) == ips, SOON,
                       f'{name} to be {ips}; it is {self.ask(node, name)}')

    def everywhere(self, name, ips):
        self.soon(self.at_ours, name, ips)
        self.soon(self.at_theirs, name, ips)

    # ---- the same names at both ----

    def test_registrations_travel_in_both_directions(self):
        mine, yours = Name('MINE', 0x20), Name('YOURS', 0x20)
        self.assertEqual(self.at_ours.register(mine).rcode, netbios.OK)
        self.assertEqual(self.at_theirs.register(yours).rcode, netbios.OK)
        self.everywhere(mine, [A])
        self.everywhere(yours, [B])

    def test_name_that_its_owner_scavenged_goes_everywhere(self):
        """A released record is never replicated; the tombstone that it becomes is (wins 1.3)."""
        name = Name('YOURS', 0x20)
        self.at_theirs.register(name)
        self.everywhere(name, [B])
        self.at_theirs.release(name)
        self.everywhere(name, [])
        lab.wait_until(lambda: self.server.ctl('show', 'YOURS#20')[0]['state'] == 'tombstone', SOON,
                       'the tombstone')

    def test_release_at_the_wrong_server_is_put_right_by_the_owner(self):
        """Ours takes the name over as a tombstone; its owner, who has it alive, says so again (3.9.2 P)."""
        name = Name('YOURS', 0x20)
        self.at_theirs.own(name, [B])
        self.at_theirs.register(name)
        self.everywhere(name, [B])
        before, = self.server.ctl('show', 'YOURS#20')
        self.assertEqual(self.at_theirs.release(name, server=OURS).rcode, netbios.OK)
        lab.wait_until(lambda: self.record(name)['owner'] == THEIRS and
                       self.record(name)['version'] > before['version'], SOON, 'the answer')
        self.everywhere(name, [B])

    def record(self, name):
        return self.server.ctl('show', f'{name.text}#{name.suffix:02x}')[0]

    def test_domain_master_browser_and_group_names_travel(self):
        pdc, group = Name('CORP', 0x1B), Name('TEAM', 0x1E)
        self.at_ours.register(pdc)
        self.at_theirs.register_group(group)
        self.everywhere(pdc, [A])
        self.everywhere(group, ['255.255.255.255'])

    def test_members_of_a_special_group_at_both_become_one_list(self):
        group = Name('CORP', 0x1C)
        self.at_ours.register_group(group)
        self.at_theirs.register_group(group)
        self.everywhere(group, [A, B])

    def test_multihomed_name_arrives_whole_and_a_released_address_goes_everywhere(self):
        """KB Q184832: no partner may keep the address that was released."""
        host = self.lab.host('m', ('192.0.2.51', '192.0.2.52'))
        node = Node(host, OURS)
        name = Name('MULTI')
        node.own(name, ['192.0.2.51', '192.0.2.52'])
        for ip in ('192.0.2.51', '192.0.2.52'):
            self.assertEqual(node.multihomed(name, ip, source=ip).rcode, netbios.OK)
        self.everywhere(name, ['192.0.2.51', '192.0.2.52'])
        node.release(name, '192.0.2.51', source='192.0.2.51')
        self.everywhere(name, ['192.0.2.52'])

    def test_of_two_computers_the_living_one_has_the_name_at_both(self):
        """Registered at either server while they did not know of each other; one is dead since."""
        name = Name('TWINS')
        self.samba.die()
        self.at_ours.register(name)
        self.server.kill9()
        self.samba.start()
        lab.wait_until(lambda: self.ask(self.at_theirs, Name('SAMBAAD')), SOON, 'Samba to serve')
        self.at_theirs.own(name, [B])
        self.at_theirs.register(name)
        self.server.start()
        self.everywhere(name, [B])

    def test_tombstone_made_by_an_administrator_travels(self):
        name = Name('OLD')
        self.at_ours.register(name)
        self.everywhere(name, [A])
        self.server.ctl('tombstone', 'OLD#20')
        self.everywhere(name, [])

    # ---- kills ----

    def test_all_names_arrive_though_both_are_killed_in_between(self):
        names = [Name(f'N{i:04}') for i in range(400)]
        for i, name in enumerate(names):
            self.assertEqual(self.at_ours.register(name).rcode, netbios.OK)
            if i in (150, 300):
                self.server.restart('kill9')
            if i == 220:
                self.samba.die()
                self.samba.start()
        for name in names:
            self.soon(self.at_theirs, name, [A])

    def test_partner_is_told_in_words_as_reached_and_as_lost(self):
        lab.wait_until(lambda: self.partner()['last-pull'], SOON, 'a pull')
        self.samba.die()
        lab.wait_until(lambda: self.partner()['error'], SOON, 'the loss to be noticed')
        self.samba.start()
        lab.wait_until(lambda: not self.partner()['error'], SOON, 'the partner to be back')

    def partner(self):
        partner, = self.server.ctl('partners')
        return partner


class Clock(LabCase):
    def test_difference_to_the_clock_of_a_partner_with_smb_is_told(self):
        ours, theirs = self.lab.host('ours', OURS), self.lab.host('theirs', THEIRS)
        peers.Smbd(theirs).start()
        server = self.winsd(ours, **{'replication.partners': f'[{{address: {THEIRS}}}]'})
        server.start()
        clock = lab.wait_until(lambda: [p['clock-ms'] for p in server.ctl('partners')
                                        if p['clock-ms'] is not None], SOON, 'its time')
        # Both are this machine; SMB's clock counts in 100 ns.
        self.assertLess(abs(clock[0]), 60000)


if __name__ == '__main__':
    tap.main(['samba', 'samba-tool', 'ldbadd', 'smbd'])
