# SPDX-License-Identifier: Apache-2.0
"""Whether the system tests may be believed: the packet writer and reader against the vectors of the
tree, the network, the captures and tshark's eye, the namespaces. Needs no server."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, peers, tap
from lib.attacker import Forger
from lib.case import LabCase
from lib.lab import Path
from lib.netbios import Message, Name
from lib.node import Node, Silence

VECTORS = Path(__file__).resolve().parent.parent / 'data' / 'ns'


def vector(name):
    lines = (VECTORS / f'{name}.hex').read_text().splitlines()
    return bytes.fromhex(''.join(line for line in lines if not line.startswith('#')))


class Packets(unittest.TestCase):
    def test_writer_gives_the_vectors(self):
        name = Name('ALPHA')
        ip = '192.0.2.10'
        self.assertEqual(netbios.query(0x1001, name), vector('query-nbns'))
        self.assertEqual(netbios.query(0x1002, name, flags=0x0110), vector('query-broadcast'))
        self.assertEqual(netbios.query(0x1003, name, flags=0), vector('query-challenge'))
        self.assertEqual(netbios.request(0x1004, netbios.REGISTER, name, ip), vector('register'))
        self.assertEqual(netbios.request(0x1005, netbios.MULTIHOMED, name, ip),
                         vector('register-multihomed'))
        self.assertEqual(netbios.request(0x1006, netbios.RELEASE, name, ip, ttl=0),
                         vector('release'))

    def test_reader_refuses_every_truncation(self):
        for name in ('query-positive', 'wack', 'register-positive'):
            whole = vector(name)
            Message(whole)
            for size in range(len(whole)):
                self.assertRaises(netbios.Malformed, Message, whole[:size])
            self.assertRaises(netbios.Malformed, Message, whole + b'\0')


class Network(LabCase):
    def setUp(self):
        super().setUp()
        self.first = self.lab.host('first', '192.0.2.10')
        self.second = self.lab.host('second', '198.51.100.20', '203.0.113.20')

    def test_hosts_of_different_nets_reach_each_other(self):
        capture = self.lab.capture(self.first)
        name = Name('THERE')
        asker, owner = Node(self.first, '203.0.113.20'), Node(self.second, '192.0.2.10')
        owner.own(name, ['203.0.113.20'])
        self.assertEqual(asker.query(name).ips, ['203.0.113.20'])
        capture.stop()
        self.assertEqual([(f.src, f.dst) for f in capture.seen()],
                         [('192.0.2.10', '203.0.113.20'), ('203.0.113.20', '192.0.2.10')])

    def test_host_whose_link_is_down_is_silent(self):
        asker, owner = Node(self.first, '198.51.100.20'), Node(self.second, '192.0.2.10')
        owner.own(Name('THERE'), ['198.51.100.20'])
        self.second.link('eth0', 'down')
        self.assertRaises(Silence, asker.query, Name('THERE'), timeout=0.3)

    def test_tshark_tells_good_from_malformed(self):
        capture = self.lab.capture(self.first)
        node = Node(self.first, '198.51.100.20')
        node.send(netbios.query(1, Name('GOOD')))
        self.assertEqual(capture.malformed(['192.0.2.10']), '')
        capture = self.lab.capture(self.first)
        node.send(netbios.query(1, Name('CUT'))[:40])
        self.assertNotEqual(capture.malformed(['192.0.2.10']), '')

    def test_forger_sends_under_addresses_of_others(self):
        forger = Forger(self.first, '198.51.100.77')
        self.addCleanup(forger.stop)
        capture = self.lab.capture(self.second)
        forger.send(netbios.query(1, Name('ONE')), '198.51.100.20')
        packets = [netbios.query(i, Name('MANY')) for i in range(200)]
        forger.flood(packets, '198.51.100.20', rate=2000)
        # The kernel may hand many over as one, which is cut up only where they are received.
        lab.wait_until(lambda: sum(len(f.data) for f in capture.seen()) > 400 * len(packets[0]), 10,
                       'the forged packets')
        self.assertEqual({(f.src, f.sport) for f in capture.seen()}, {('198.51.100.77', 137)})

    def test_nothing_is_left_behind(self):
        self.first.start('sleep', '1000')
        self.lab.close()
        self.assertEqual(os.listdir('/run/netns'), [])
        running = subprocess.run(['ps', '-eo', 'comm='], capture_output=True, text=True).stdout
        self.assertNotIn('sleep', running.split())


class Samba(LabCase):
    def test_nmbd_answers_a_challenge_as_nbtscan_sees_it(self):
        host = self.lab.host('samba', '192.0.2.10')
        asker = self.lab.host('asker', '192.0.2.20')
        peers.Nmbd(host, 'REALHOST', '192.0.2.30').start()
        node = Node(asker, '192.0.2.10')
        answer = node.ask(netbios.query(77, Name('REALHOST'), flags=0), tries=120, timeout=0.5)[-1]
        self.assertEqual((answer.rcode, answer.ips), (netbios.OK, ['192.0.2.10']))
        self.assertIn(('REALHOST', 0x20, True), peers.nbtscan_names(asker, '192.0.2.10'))


if __name__ == '__main__':
    tap.main(['nmbd', 'nbtscan'])
