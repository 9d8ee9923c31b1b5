# SPDX-License-Identifier: Apache-2.0
"""A host with two interfaces registers its name on each and gives one of them up: the server's half
of what KB Q184832 is about. Spec: wins 2.4, 2.5, 2.8; netbt 3.1, 3.5."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import netbios, tap
from lib.case import ServerCase
from lib.netbios import Name
from lib.node import Node

NAME = Name('TWOCARDS')
FIRST, SECOND = '192.0.2.21', '198.51.100.21'


class Multihomed(ServerCase):
    def setUp(self):
        super().setUp()
        self.node = Node(self.lab.host('twocards', FIRST, SECOND), self.server.address)
        self.other = Node(self.lab.host('other', '203.0.113.5'), self.server.address)

    def claim(self, *ips):
        """As Windows does: one packet for each address, from it; challenges name all."""
        self.node.own(NAME, [FIRST, SECOND])
        return [self.node.request(netbios.MULTIHOMED, NAME, ip, source=ip) for ip in ips]

    def resolved(self):
        found = self.other.resolve(NAME)
        return found and sorted(found)

    def test_second_address_is_added_after_a_challenge_that_lists_it(self):
        first, second = self.claim(FIRST, SECOND)
        self.assertEqual([a.opcode for a in first], [netbios.REGISTER])
        wack, final = second
        self.assertEqual((wack.flags, wack.type, wack.rdata.hex()), (0xBC00, netbios.NB, '7900'))
        self.assertGreaterEqual(wack.ttl, 1)
        self.assertEqual((final.flags, final.ttl, final.ips), (0xAD80, netbios.RENEWAL, [SECOND]))
        self.assertEqual(self.resolved(), [FIRST, SECOND])

    def test_challenge_comes_from_port_137_without_rd_to_the_stored_address(self):
        self.claim(FIRST, SECOND)
        probes = self.capture.seen(lambda f: f.src == self.server.address
                                   and not f.message.response)
        self.assertGreaterEqual(len(probes), 1)
        for probe in probes:
            self.assertEqual((probe.sport, probe.dport, probe.dst), (137, 137, FIRST))
            self.assertEqual((probe.message.flags, probe.message.type, probe.message.name),
                             (0x0000, netbios.NB, NAME))

    def test_release_of_one_address_leaves_the_other(self):
        self.claim(FIRST, SECOND)
        self.assertEqual(self.node.release(NAME, FIRST, source=FIRST).rcode, netbios.OK)
        self.assertEqual(self.resolved(), [SECOND])

    def test_release_of_the_last_address_makes_the_answer_negative(self):
        self.claim(FIRST, SECOND)
        for ip in (FIRST, SECOND):
            self.assertEqual(self.node.release(NAME, ip, source=ip).rcode, netbios.OK)
        self.assertIsNone(self.resolved())

    def test_release_from_a_third_host_changes_nothing(self):
        self.claim(FIRST, SECOND)
        self.other.release(NAME, FIRST)
        self.other.release(NAME, SECOND)
        self.assertEqual(self.resolved(), [FIRST, SECOND])

    def test_refresh_of_each_address_needs_no_challenge(self):
        self.claim(FIRST, SECOND)
        for ip in (FIRST, SECOND):
            answers = self.node.request(netbios.REFRESH, NAME, ip, source=ip)
            self.assertEqual([(a.flags, a.ttl) for a in answers], [(0xAD80, netbios.RENEWAL)])
        self.assertEqual(self.resolved(), [FIRST, SECOND])


class MultihomedRestart(Multihomed):
    """All of it again on a server that dies between the steps."""

    HOW = 'kill9'

    def claim(self, *ips):
        answers = []
        for ip in ips:
            answers += super().claim(ip)
            self.server.restart(self.HOW)
        return answers

    def resolved(self):
        self.server.restart(self.HOW)
        return super().resolved()


class MultihomedOrderlyRestart(MultihomedRestart):
    HOW = 'end'


if __name__ == '__main__':
    tap.main()
