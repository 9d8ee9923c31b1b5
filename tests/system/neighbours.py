# SPDX-License-Identifier: Apache-2.0
"""netbtd on one broadcast network with Samba's nmbd, Samba's own test of nodes, and a liar. No WINS
server: names are claimed, defended and found by broadcast. Spec: netbt 2.4, 3.6, 8.1, 8.2."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, peers, tap
from lib.case import LabCase
from lib.netbios import Name
from lib.netbtd import Netbtd
from lib.node import Node

OURS, THEIRS, ASKER = '192.0.2.21', '192.0.2.31', '192.0.2.60'
LIAR = '192.0.2.66'
TORTURE = ('192.0.2.61', '192.0.2.62')
BROADCAST = '192.0.2.255'


class Neighbours(LabCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.host('ours', OURS)
        self.other = self.lab.host('theirs', THEIRS)
        self.asker = self.lab.host('asker', ASKER)

    def netbtd(self, name='OURS', **options):
        node = Netbtd(self.host, **{'name': name, 'type': 'b', 'services': 'workstation,server',
                                    'workgroup': 'OFFICE', **options})
        self.addCleanup(self.check_server, node)
        node.start()
        return node

    def registered(self, **options):
        node = self.netbtd(**options)
        lab.wait_until(lambda: self.states(node) == {'Registered'}, 20, 'the names')
        return node

    @staticmethod
    def states(node):
        return {state for _name, _address, state in node.entries()}

    def nmbd(self, name):
        """A node of Samba's without WINS."""
        nmbd = peers.Nmbd(self.other, name, '')
        nmbd.start()
        self.addCleanup(nmbd.end)
        return nmbd

    def found(self, name, host=None):
        done = (host or self.asker).run('nmblookup', '-s', '/dev/null', '-B', BROADCAST,
                                        f'{name}#20')
        return re.findall(rf'^(\S+) {name}<20>$', done.stdout, re.M)

    def answered(self, name, host=None):
        """Whoever answers for the name; where nobody does in nmblookup's time it asks again."""
        return lab.wait_until(lambda: self.found(name, host), 30, f'an answer for {name}')


class BesideNmbd(Neighbours):
    def test_each_resolves_the_other(self):
        node = self.registered(bcast_timeout='3s')
        self.nmbd('THEIRS')
        self.assertEqual(self.answered('THEIRS'), [THEIRS])
        answer = node.ctl('node', 'resolve', 'THEIRS<20>')[0]
        self.assertEqual(answer['addresses'], [THEIRS])
        self.assertEqual(self.answered('OURS', self.other), [OURS])

    def test_nmbd_is_refused_our_name_and_we_keep_it(self):
        node = self.registered()
        nmbd = self.nmbd('OURS')
        refused = r'(?i)(negative|refused|fail)[^\n]*OURS|OURS[^\n]*(rejected|fail|refused)'
        lab.wait_until(lambda: re.search(refused, nmbd.output()), 30, 'nmbd to be refused')
        self.assertEqual(self.answered('OURS'), [OURS])
        self.assertEqual(self.states(node), {'Registered'})

    def test_we_are_refused_the_name_of_nmbd_and_a_person_is_told(self):
        self.nmbd('THEIRS')
        self.assertEqual(self.answered('THEIRS'), [THEIRS])
        node = self.netbtd(name='THEIRS', bcast_timeout='20s')  # nmbd may take its time
        lab.wait_until(lambda: '4321' in node.output(), 20, 'event 4321')
        self.assertIn(THEIRS, node.output())
        self.assertEqual(self.answered('THEIRS'), [THEIRS])


class AgainstSmbtorture(Neighbours):
    def test_nbt_register_passes(self):
        self.registered()
        client = self.lab.host('torture', TORTURE)
        folder = client.path('smbtorture')
        folder.mkdir()
        self.finds(folder, 'OURS', OURS)
        for number, test in enumerate(('register_own', 'refresh_own')):
            inner = folder / str(number)
            inner.mkdir()
            status, output = peers.smbtorture(client, inner, TORTURE, 'OURS', f'nbt.register.{test}')
            self.assertEqual(status, 0, output[-3000:])
            self.assertIn(f'success: {test}', output)


class Liar(Neighbours):
    """Nobody but the server that has a name, or an answer to a claim of ours, can take it away."""

    def setUp(self):
        super().setUp()
        self.liar = Node(self.lab.host('liar', LIAR), OURS)
        self.liar.sockets[LIAR].setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.node = self.registered()

    def send(self, packet, to=OURS):
        self.liar.send(packet, server=to)

    def untouched(self):
        """... by all that was sent: who answers what came behind it has read that."""
        answer = self.liar.ask(netbios.query(0x7770, Name('OURS', 0x20), flags=0))[-1]
        self.assertEqual((answer.rcode, answer.ips), (netbios.OK, [OURS]))
        self.assertEqual(self.answered('OURS'), [OURS])
        self.assertEqual(self.states(self.node), {'Registered'})

    def test_spoofed_conflict_demand_changes_nothing(self):
        name = Name('OURS', 0x20)
        packet = (netbios.header(0x7777, 0xAD87, an=1) + name.encode() +
                  bytes.fromhex('00200001000000000006') + bytes(6))
        self.send(packet)
        self.untouched()
        lab.wait_until(lambda: '4319' in self.node.output(), 5, 'event 4319')

    def test_spoofed_release_changes_nothing(self):
        packet = netbios.request(0x7778, netbios.RELEASE, Name('OURS', 0x20), OURS)
        self.send(packet)
        self.send(packet, BROADCAST)
        self.untouched()

    def test_answer_to_no_question_is_learned_by_nobody(self):
        self.send(netbios.positive_query_response(0x7779, Name('BANK', 0x20), [LIAR]))
        done = self.node.run_ctl('node', 'resolve', 'BANK<20>')
        self.assertEqual(done.returncode, 1)
        self.untouched()


if __name__ == '__main__':
    tap.main(['smbtorture', 'nmbd', 'nmblookup'])
