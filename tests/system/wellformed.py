# SPDX-License-Identifier: Apache-2.0
"""Every kind of packet the server can say, in one capture that tshark reads without complaint, and
that our own strict reader takes whole. Other tests check their captures too; this one makes sure
that every kind was there. Spec: netbt 1.8."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import netbios, tap
from lib.case import ServerCase
from lib.netbios import GROUP, Name
from lib.node import Node

A, B = '192.0.2.81', '198.51.100.82'
KINDS = {
    'positive query response': 0x8580, 'negative query response': 0x8583,
    'positive registration': 0xAD80, 'refused by policy': 0xAD85, 'active elsewhere': 0xAD86,
    'server failure': 0xAD82, 'release': 0xB400, 'wait': 0xBC00, 'challenge': 0x0000,
}


class WellFormed(ServerCase):
    def setUp(self):
        super().setUp()
        self.a = Node(self.lab.host('a', A), self.server.address)
        self.b = Node(self.lab.host('b', B), self.server.address)

    def say_everything(self):
        name = Name('MINE', scope='SOME.SCOPE')
        self.a.own(name, [A])
        for ask in (self.a.register, self.a.refresh, self.b.query, self.b.register,
                    self.b.release, self.a.release, self.b.query):
            ask(name)
        self.a.register(Name('DOM', 0x1E))
        self.a.register(Name('LONG', scope='.'.join(['S' * 59] * 4)[:238]))
        for last in range(1, 26):
            self.a.register_group(Name('DOM', 0x1C), f'203.0.113.{last}')
        for raw in (b'\x01\x02__MSBROWSE__\x02', b'', bytes(range(240, 255)), b'a.b.c'):
            self.a.register_group(Name(raw, 0x01))
            self.b.query(Name(raw, 0x01))
            self.a.release(Name(raw, 0x01), nb_flags=GROUP)
        self.b.query(Name('DOM', 0x1C))

    def ours(self):
        return [f.message for f in self.capture.seen(lambda f: f.src == self.server.address)]

    def test_no_packet_of_ours_is_malformed(self):
        self.say_everything()
        said = {m.flags for m in self.ours()}
        self.assertEqual({k: v for k, v in KINDS.items() if v not in said}, {})
        self.assertEqual(self.capture.malformed([self.server.address]), '')

    def test_no_packet_of_ours_is_larger_than_576_bytes(self):
        self.say_everything()
        self.assertLessEqual(max(len(m.data) for m in self.ours()), 548)

    def test_tshark_does_see_a_malformed_packet(self):
        """The judge can say no: without this the tests above might mean nothing."""
        self.a.send(netbios.query(1, Name('CUT'))[:40])
        self.a.query(Name('FENCE'))
        self.assertIn('alformed', self.capture.malformed([A]))


if __name__ == '__main__':
    tap.main()
