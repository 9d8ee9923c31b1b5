# SPDX-License-Identifier: Apache-2.0
"""A server with several addresses answers each question from the address that was asked (KB 152705:
a server that did not was the source of years of trouble). Spec: netbt 8.3 no. 10, 12."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import netbios, tap
from lib.case import ServerCase
from lib.netbios import Name
from lib.node import Node, new_id

THREE = [('192.0.2.10', '192.0.2.11'), '198.51.100.10']
NEAR, OTHER, FAR = '192.0.2.51', '198.51.100.52', '203.0.113.53'
NAME = Name('FIXED')


class ThreeAddresses(ServerCase):
    ADDRESSES = THREE

    def setUp(self):
        super().setUp()
        self.clients = [Node(self.lab.host(f'c{i}', ip), self.server.address)
                        for i, ip in enumerate((NEAR, OTHER, FAR))]
        self.clients[0].own(NAME, [NEAR])
        self.clients[0].register(NAME, NEAR)

    def test_queries_are_answered_from_the_address_asked(self):
        for client in self.clients:
            for address in self.server_host.addresses:
                answer = client.query(NAME, server=address)
                self.assertEqual((answer.peer, answer.ips), ((address, 137), [NEAR]))

    def test_registrations_and_releases_are_answered_from_the_address_asked(self):
        for client in self.clients:
            for address in self.server_host.addresses:
                for opcode in (netbios.REGISTER, netbios.REFRESH, netbios.RELEASE):
                    answer = client.request(opcode, Name('WHERE'), server=address)[-1]
                    self.assertEqual((answer.peer, answer.rcode), ((address, 137), netbios.OK))

    def test_wack_and_final_answer_come_from_the_address_asked(self):
        for address in self.server_host.addresses:
            answers = self.clients[1].request(netbios.REGISTER, NAME, server=address)
            self.assertEqual([(a.peer, a.opcode, a.rcode) for a in answers],
                             [((address, 137), netbios.WACK, netbios.OK),
                              ((address, 137), netbios.REGISTER, netbios.ACT)])


class TwoOfThree(ServerCase):
    ADDRESSES = THREE
    options = {'listen': '192.0.2.11,198.51.100.10'}

    def test_only_the_chosen_addresses_answer(self):
        client = Node(self.lab.host('client', FAR), self.server.address)
        self.assertTrue(client.silent(netbios.query(new_id(), NAME)))
        for address in ('192.0.2.11', '198.51.100.10'):
            self.assertEqual(client.query(NAME, server=address).peer, (address, 137))


if __name__ == '__main__':
    tap.main()
