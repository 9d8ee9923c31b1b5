# SPDX-License-Identifier: Apache-2.0
"""nbtstat without a daemon: the tables of a real nmbd, by address, by broadcast and through WINS; real
TCP sessions on port 139. Spec: netbt section 4, 8.2."""

import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, peers, tap
from lib.case import ServerCase
from lib.netbios import Name
from lib.node import Node
from lib.winsd import BUILD

NBTSTAT = os.environ.get('NBTSTAT', BUILD / 'tools' / 'nbtstat')
SERVER = '192.0.2.10'
PEER, NEAR, FAR = '192.0.2.31', '192.0.2.41', '198.51.100.42'
SETTLE = 45
ROW = re.compile(r'^    (.{15})<([0-9A-F]{2})>  (UNIQUE|GROUP ) {6}(\w+)$', re.M)


class Nbtstat(ServerCase):
    def setUp(self):
        super().setUp()
        self.peer = self.lab.host('peer', PEER)
        self.near = self.lab.host('near', NEAR)
        self.far = self.lab.host('far', FAR)

    def nbtstat(self, host, *words):
        done = host.run(NBTSTAT, *words, env={**os.environ, 'WINSCTL_SOCKET': ''})
        self.assertNotIn('Sanitizer', done.stderr)
        return done

    def start_nmbd(self):
        """Returns when its names are in WINS."""
        nmbd = peers.Nmbd(self.peer, 'PEERPC', SERVER).start()
        asker = Node(self.far, SERVER)
        for name in nmbd.unique_names:
            lab.wait_until(lambda: asker.resolve(Name(*name)) == [PEER], SETTLE, name)
        asker.close()
        return nmbd

    def assert_table(self, done):
        """The display is that of the nmbd."""
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [(n.rstrip(), s, k.rstrip(), w) for n, s, k, w in ROW.findall(done.stdout)]
        for row in (('PEERPC', '00', 'UNIQUE', 'Registered'), ('PEERPC', '20', 'UNIQUE', 'Registered'),
                    ('OFFICE', '00', 'GROUP', 'Registered'), ('OFFICE', '1E', 'GROUP', 'Registered')):
            self.assertIn(row, rows)
        self.assertIn('           NetBIOS Remote Machine Name Table\n', done.stdout)
        self.assertRegex(done.stdout, r'\n    MAC Address = ([0-9A-F]{2}-){5}[0-9A-F]{2}\n')

    def test_table_by_address_is_asked_for_from_port_137(self):
        self.start_nmbd()
        capture = self.lab.capture(self.near)
        done = self.nbtstat(self.near, '-A', PEER)
        self.assert_table(done)
        self.assertIn(f'\neth0:\nNode IpAddress: [{NEAR}] Scope Id: []\n', done.stdout)
        asked = lab.wait_until(lambda: capture.seen(lambda f: f.dst == PEER), 5, 'the question')
        self.assertEqual(asked[0].sport, 137)
        self.assertEqual(capture.malformed([NEAR]), '')

    def test_another_port_does_when_137_is_taken(self):
        self.start_nmbd()
        taken = self.near.socket()
        self.addCleanup(taken.close)
        taken.bind(('', 137))
        self.assert_table(self.nbtstat(self.near, '-A', PEER))

    def test_name_is_found_by_broadcast_in_any_case(self):
        self.start_nmbd()
        # It answers broadcasts only when nobody on its own network has objected for some seconds.
        lab.wait_until(lambda: PEER in self.near.run(
            'nmblookup', '-s', '/dev/null', '-B', '192.0.2.255', 'PEERPC#20').stdout, SETTLE, 'nmbd')
        self.assert_table(self.nbtstat(self.near, '-a', 'peerpc'))

    def test_name_in_another_network_is_found_through_wins(self):
        self.start_nmbd()
        self.assert_table(self.nbtstat(self.far, '-a', 'PEERPC', '--wins', SERVER))

    def test_nobody_is_found_where_nobody_is(self):
        for words in (('-A', '192.0.2.99'), ('-a', 'NOBODY'), ('-a', 'NOBODY<20>', '--wins', SERVER)):
            done = self.nbtstat(self.near, *words)
            self.assertEqual((done.returncode, done.stdout[-20:]), (1, '    Host not found.\n'))
        done = self.nbtstat(self.near, '-A', '192.0.2.99', '--json')
        self.assertEqual(json.loads(done.stdout), {'found': False})

    def test_table_as_json(self):
        self.start_nmbd()
        table = json.loads(self.nbtstat(self.near, '--json', '-A', PEER).stdout)
        self.assertEqual((table['found'], table['address']), (True, PEER))
        self.assertIn({'name': 'PEERPC<20>', 'group': False, 'state': 'Registered'}, table['names'])

    def connect(self):
        """A session from near to peer on port 139: both ends and who listens."""
        listener = self.peer.socket(socket.SOCK_STREAM)
        listener.bind(('', 139))
        listener.listen()
        caller = self.near.socket(socket.SOCK_STREAM)
        caller.connect((PEER, 139))
        called, _ = listener.accept()
        for s in (listener, caller, called):
            self.addCleanup(s.close)

    def test_sessions_are_seen_from_both_ends_by_address(self):
        self.connect()
        out = self.nbtstat(self.near, '-S')
        self.assertEqual(out.returncode, 0)
        self.assertRegex(out.stdout, rf'<00>  Connected    Out   {re.escape(PEER)} ')
        into = self.nbtstat(self.peer, '-S').stdout
        self.assertRegex(into, rf'<20>  Connected    In    {re.escape(NEAR)} ')
        self.assertRegex(into, r'<20>  Listening\n')
        self.assertIn('    No Connections\n', self.nbtstat(self.far, '-S').stdout)

    def test_sessions_are_named_by_node_status(self):
        self.start_nmbd()
        self.connect()
        self.assertRegex(self.nbtstat(self.near, '-s').stdout,
                         r'<00>  Connected    Out   PEERPC         <20>')
        # Nobody answers at the other end: its address stands for it.
        self.assertRegex(self.nbtstat(self.peer, '-s').stdout,
                         rf'<20>  Connected    In    {re.escape(NEAR)} ')

    def test_without_a_node_the_own_table_is_refused_in_a_sentence(self):
        done = self.nbtstat(self.near, '-n', '--socket', '/nowhere/winsd.sock')
        self.assertEqual(done.returncode, 1)
        self.assertIn('no daemon with a NetBT node listens on /nowhere/winsd.sock', done.stderr)
        for option in ('-n', '-c', '-r', '-R', '-RR'):
            done = self.nbtstat(self.server_host, option, '--socket', self.server.control)
            self.assertEqual((done.returncode, done.stdout), (1, ''))
            self.assertIn('hosts no NetBT node', done.stderr)


if __name__ == '__main__':
    tap.main(['nmbd', 'nmblookup'])
