# SPDX-License-Identifier: Apache-2.0
"""Microsoft KB Q184832, the fault and its repair, as doc/q184832.md tells it: a computer with two network
cards whose service gives its name up on the primary card only, and what a later claim meets, with the
doctor off and on. The packets are told in TAP comments, and are those of tests/data/q184832, in which
tshark reads what the page says. Q184832_RECORD=FOLDER records them anew. Spec: netbt 3.4, 3.5."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import unittest

from lib import lab, netbios, tap, winsd
from lib.case import ServerCase
from lib.netbios import Message, Name
from lib.node import Node

NBDIG = os.environ.get('NBDIG', winsd.BUILD / 'tools' / 'nbdig')
ROOT = lab.Path(__file__).resolve().parents[2]
DATA, PAGE = ROOT / 'tests/data/q184832', ROOT / 'doc/q184832.md'
STORIES = ('half-release-off', 'half-release-repair')
NAME = Name('FILESRV', 0x20)
SERVER, PRIMARY, SECOND, CLIENT = '192.0.2.10', '192.0.2.21', '198.51.100.21', '192.0.2.77'
GRANTED, REFUSED = 0, 1  # exit codes of nbdig


def tshark(path, *fields):
    words = [w for f in fields for w in ('-e', f)]
    done = subprocess.run(['tshark', '-n', '-r', str(path), '-T', 'fields', *words],
                          capture_output=True, text=True, timeout=60, check=True)
    return [line.split('\t') for line in done.stdout.splitlines()]


class Story(ServerCase):
    def setUp(self):
        super().setUp()
        self.filesrv = self.lab.host('filesrv', PRIMARY, SECOND)
        self.client = self.lab.host('client', CLIENT)

    def node(self, host, address, name_at):
        """Whoever answers at the address from now on: "mine" with these addresses, or "not mine"."""
        node = Node(host, SERVER, addresses=[address])
        if name_at:
            node.own(NAME, name_at)
        else:
            node.disown(NAME)
        return node

    def dig(self, host, source, *words):
        """nbdig as the computer would speak, from port 137 of the card it is about."""
        return host.run(NBDIG, '-b', source, '-P', 137, '-t', '20s', f'@{SERVER}', *words).returncode

    def claim(self, address):
        return self.dig(self.filesrv, address, '--multihomed', 'register', 'FILESRV#20',
                        '--address', address)

    def resolve(self):
        return self.dig(self.client, CLIENT, 'query', 'FILESRV#20')

    def start_service(self):
        self.assertEqual(self.claim(PRIMARY), GRANTED)
        answering = self.node(self.filesrv, PRIMARY, [PRIMARY, SECOND])
        self.assertEqual(self.claim(SECOND), GRANTED)
        answering.close()

    def stop_service_as_nt4_sp3(self):
        """The fault: one release, on the primary card. Asked on the other, the computer is honest."""
        self.secondary = self.node(self.filesrv, SECOND, None)
        self.assertEqual(self.dig(self.filesrv, PRIMARY, 'release', 'FILESRV#20', '--address',
                                  PRIMARY), GRANTED)

    def second_card_is_taken_out(self):
        self.secondary.close()
        lab.ip('-n', 'filesrv', 'link', 'del', 'eth1')

    def address_goes_to_another_computer(self):
        """... that has the same name in its own network, by broadcast, and asks no WINS server."""
        self.branch = self.node(self.lab.host('branch', SECOND), SECOND, [SECOND])
        lab.ip('-n', 'router', 'neigh', 'flush', 'all')

    def told(self, symbol):
        lab.wait_until(lambda: symbol in [e['symbol'] for e in self.server.ctl('events')], 10, symbol)

    def story(self):
        """(from, to, opcode, is it an answer, result, addresses) of each packet; the last thing to ask,
        for the capture is whole only when it has ended."""
        self.capture.stop()
        return [told(f.src, f.dst, f.data) for f in self.capture.seen()]

    def check(self, story):
        path = DATA / f'{story}.pcap'
        if 'Q184832_RECORD' in os.environ:
            path = lab.Path(os.environ['Q184832_RECORD'], path.name)
            subprocess.run(['tshark', '-r', self.capture.path, '-Y', 'nbns', '-F', 'pcap', '-w', path],
                           check=True, capture_output=True)
        for row in tshark(self.capture.path, 'ip.src', 'ip.dst', '_ws.col.Info'):
            if row[0]:
                print(f'# {row[0]:15} > {row[1]:15} {row[2]}')
        self.assertEqual(self.story(), [
            told(src, dst, bytes.fromhex(data)) for src, dst, data in
            tshark(path, 'ip.src', 'ip.dst', 'udp.payload')])


def told(src, dst, data):
    m = Message(data)
    wack = m.opcode == netbios.WACK
    return src, dst, m.opcode, m.response, m.rcode, [] if wack or not m.rdata else m.ips


class DoctorOff(Story):
    options = {**ServerCase.options, 'half_release': 'off'}

    def test_restarted_service_is_refused_because_of_its_own_ghost(self):
        self.start_service()
        self.stop_service_as_nt4_sp3()
        self.assertEqual(self.resolve(), GRANTED)
        self.second_card_is_taken_out()
        self.address_goes_to_another_computer()
        self.assertEqual(self.claim(PRIMARY), REFUSED)
        *_, wack, question, mine, refusal = self.story()
        self.assertEqual((wack[2], question[1], mine[5], refusal[4]),
                         (netbios.WACK, SECOND, [SECOND], netbios.ACT))
        self.told('NAME_DEFENDED')
        found, = self.server.ctl('doctor')
        self.assertEqual((found['finding'], found['addresses'], found['other-address']),
                         ('disputed', [SECOND], PRIMARY))
        self.check('half-release-off')


class DoctorOffAndSilence(Story):
    options = {'half_release': 'off'}

    def test_ghost_that_nobody_took_over_costs_a_wait(self):
        self.start_service()
        self.stop_service_as_nt4_sp3()
        self.second_card_is_taken_out()
        self.assertEqual(self.claim(PRIMARY), GRANTED)
        opcodes = [row[2] for row in self.story() if row[1] == PRIMARY and row[3]]
        self.assertEqual(opcodes[-2:], [netbios.WACK, netbios.REGISTER])
        asked = [row for row in self.story() if row[1] == SECOND and not row[3]]
        self.assertEqual(len(asked), 3)


class DoctorRepairs(Story):
    options = {**ServerCase.options, 'half_release': 'repair', 'half_release_delay': '1s'}

    def test_restarted_service_meets_nobody(self):
        self.start_service()
        self.stop_service_as_nt4_sp3()
        self.told('GHOST_REMOVED')
        lab.wait_until(lambda: self.server.records()['FILESRV<20>']['state'] == 'released', 10,
                       'the ghost to be gone')
        self.assertEqual(self.resolve(), REFUSED)
        self.second_card_is_taken_out()
        self.address_goes_to_another_computer()
        self.assertEqual(self.claim(PRIMARY), GRANTED)
        self.assertEqual(self.resolve(), GRANTED)
        *_, answer, _, resolved = self.story()
        self.assertEqual((answer[2], answer[4]), (netbios.REGISTER, netbios.OK))
        self.assertEqual(resolved[5], [PRIMARY])
        self.assertEqual(self.branch.challenges, [])
        self.assertEqual(self.server.ctl('doctor'), [])
        self.check('half-release-repair')


class Page(unittest.TestCase):
    """Each table row of the page is a packet of the capture that its heading names, as tshark reads it."""

    def rows_of(self, story):
        _, _, rest = PAGE.read_text().partition(f'tests/data/q184832/{story}.pcap`')
        table = rest.partition('\n#')[0]
        return [[cell.strip(' `') for cell in line.strip('|').split('|')][:4]
                for line in re.findall(r'^\| *\d.*\|$', table, re.M)]

    def test_tshark_reads_in_the_captures_what_the_page_says(self):
        for story in STORIES:
            with self.subTest(story):
                read = tshark(DATA / f'{story}.pcap', 'frame.number', 'ip.src', 'ip.dst',
                              '_ws.col.Info')
                self.assertGreater(len(read), 10)
                self.assertEqual(self.rows_of(story), [[c.strip() for c in row] for row in read])

    def test_nothing_in_the_captures_is_malformed(self):
        for story in STORIES:
            done = subprocess.run(
                ['tshark', '-n', '-r', DATA / f'{story}.pcap', '-Y',
                 'not nbns or _ws.malformed or _ws.short or _ws.expert.severity == "Error"'],
                capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual(done.stdout, '')


if __name__ == '__main__':
    tap.main()
