# SPDX-License-Identifier: Apache-2.0
"""What strangers send: no answer, counted by reason, and real clients are served as before. Spec:
wins 2.1 (silently drop), netbt 1.3, 8.3 no. 1 and 2; KB 155701, CVE-2026-3238."""

import os
import random
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import ServerCase
from lib.netbios import Name, header, query, request
from lib.node import Node

CLIENT = '192.0.2.91'
NAME = Name('VICTIM')
ENCODED = NAME.encode()
QUESTION = struct.pack('>2H', netbios.NB, 1)
RECORD = struct.pack('>2HIHH', netbios.NB, 1, 300000, 6, 0x6000) + bytes([192, 0, 2, 91])
SEED = int(os.environ.get('BAD_SEED', str(random.randrange(1 << 32))))


def registration(name=ENCODED, record=b'\xc0\x0c' + RECORD, flags=0x2900, counts=(1, 0, 0, 1)):
    return header(0x5151, flags, *counts) + name + QUESTION + record


def pointed(at):
    """A query whose name is a pointer."""
    return header(1, 0x0100, qd=1) + struct.pack('>H', 0xC000 | at) + QUESTION


LONG_LABEL = ENCODED[:-1] + bytes([64]) + b'L' * 64 + b'\0'
BAD = {
    'nothing': b'',
    'one byte': b'\x12',
    'half a header': query(1, NAME)[:11],
    'a header that promises a question': header(1, 0x0100, qd=1),
    'a name without its end': query(1, NAME)[:45],
    'a question without its class': query(1, NAME)[:-2],
    'a query with no question': header(1, 0x0100) + ENCODED + QUESTION,
    'a query with two questions': header(1, 0x0100, qd=2) + (ENCODED + QUESTION) * 2,
    'a query with 65535 questions': header(1, 0x0100, qd=65535) + ENCODED + QUESTION,
    'a label of 64': header(1, 0x0100, qd=1) + LONG_LABEL + QUESTION,
    'a first label of 31': header(1, 0x0100, qd=1) + b'\x1f' + ENCODED[1:32] + b'\0' + QUESTION,
    'a label of the reserved kind 01': header(1, 0x0100, qd=1) + b'\x60' + ENCODED[1:] + QUESTION,
    'letters past P': header(1, 0x0100, qd=1) + b'\x20' + b'Q' * 32 + b'\0' + QUESTION,
    'letters in lower case': header(1, 0x0100, qd=1) + ENCODED.lower() + QUESTION,
    'a pointer to itself': pointed(12),
    'a pointer forward': pointed(14),
    'a pointer past the end': pointed(0x3FFF),
    'a pointer into the header': pointed(0),
    'an endless scope': header(1, 0x0100, qd=1) + ENCODED[:-1] + b'\x3fS' * 700,
    'class CH': header(1, 0x0100, qd=1) + ENCODED + struct.pack('>2H', netbios.NB, 3),
    'a registration without its record': header(1, 0x2900, qd=1) + ENCODED + QUESTION,
    'a registration that promises a record': registration(record=b''),
    'a registration without its question': (header(1, 0x2900, ar=1) + ENCODED
                                            + struct.pack('>2HIHH', 32, 1, 1, 6, 0) + b'\0' * 4),
    'a registration of no address': registration(record=b'\xc0\x0c' + RECORD[:8] + b'\0\0'),
    'a registration of half an address': registration(record=b'\xc0\x0c' + RECORD[:8]
                                                      + b'\0\3' + RECORD[10:13]),
    'a registration cut in its data': registration()[:-1],
    'record data of 65535 bytes': registration(record=b'\xc0\x0c' + RECORD[:8] + b'\xff\xff'
                                               + RECORD[10:]),
    'a record for another name': registration(record=Name('OTHER').encode() + RECORD),
    'a record whose pointer points to itself': registration(record=b'\xc0\x32' + RECORD),
    'a release without its record': header(1, 0x3000, qd=1) + ENCODED + QUESTION,
    'a refresh without its record': header(1, 0x4000, qd=1) + ENCODED + QUESTION,
    'a multihomed registration without its record': header(1, 0x7900, qd=1) + ENCODED + QUESTION,
    'a broadcast query': query(1, NAME, flags=0x0110),
    'a broadcast registration': request(1, netbios.REGISTER, NAME, CLIENT, flags=0x2910),
    'a broadcast release': request(1, netbios.RELEASE, NAME, CLIENT, flags=0x3010),
    'opcode 1': query(1, NAME, flags=0x0900),
    'opcode 14': request(1, netbios.REGISTER, NAME, CLIENT, flags=0x7100),
    'a wait nobody asked for': (header(1, 0xBC00, an=1) + ENCODED
                                + struct.pack('>2HIHH', 32, 1, 9, 2, 0x2900)),
    'an answer nobody asked for': netbios.positive_query_response(1, NAME, [CLIENT]),
    'a negative answer nobody asked for': netbios.negative_query_response(1, NAME),
    'a registration response': header(1, 0xAD80, an=1) + ENCODED + RECORD,
    'a redirect': header(1, 0x8100, ns=1, ar=1) + ENCODED + RECORD,
    'a query with RD=0, for the end node': query(1, NAME, flags=0),
    'zeros': bytes(1400),
    'ones': b'\xff' * 1400,
}


class BadInput(ServerCase):
    def setUp(self):
        super().setUp()
        self.node = Node(self.lab.host('client', CLIENT), self.server.address)
        self.node.own(NAME, [CLIENT])
        self.assertEqual(self.node.register(NAME).rcode, netbios.OK)

    def drops(self):
        return dict(self.server.stats()['drops'])

    def drops_after(self, packet):
        """Sends it, lets every part of the server say something, asks for the counters."""
        self.node.send(packet)
        self.still_served()
        return self.drops()

    def still_served(self):
        self.assertEqual(self.node.resolve(NAME), [CLIENT])
        self.assertEqual(self.node.refresh(NAME).rcode, netbios.OK)

    def test_each_bad_packet_is_dropped_and_counted_and_nothing_is_answered(self):
        wrong = []
        drops = self.drops()
        for ident, (label, packet) in enumerate(BAD.items(), 0x100):
            after = self.drops_after(struct.pack('>H', ident)[:len(packet)] + packet[2:])
            if sum(after.values()) != sum(drops.values()) + 1:
                wrong.append(f'{label}: {drops} then {after}')
            drops = after
        labels = list(BAD)
        wrong += [f'{labels[m.id - 0x100]} is answered: {m}' for m, _ in self.node.strays]
        self.assertEqual(wrong, [])

    def test_reasons_are_told_apart(self):
        reasons = {'broadcast': 'a broadcast query', 'opcode': 'opcode 14',
                   'pointer': 'a pointer to itself', 'label': 'letters past P',
                   'name-mismatch': 'a record for another name',
                   'no-transaction': 'an answer nobody asked for',
                   'not-for-us': 'a query with RD=0, for the end node'}
        before = self.drops()
        for label in reasons.values():
            self.node.send(BAD[label])
        self.still_served()
        after = self.drops()
        grown = {r for r in after if after[r] > before.get(r, 0)}
        self.assertEqual(grown, set(reasons))

    def test_every_truncation_of_every_request_is_harmless(self):
        whole = [query(1, NAME)] + [request(1, op, Name('CUT', scope='A.B'), CLIENT)
                                    for op in (5, 6, 8, 9, 15)]
        for packet in whole:
            for size in range(len(packet)):
                self.node.send(packet[:size])
            self.still_served()
        self.assertIsNone(self.node.resolve(Name('CUT', scope='A.B')))

    def test_random_damage_does_not_stop_the_server(self):
        print(f'# BAD_SEED={SEED}', flush=True)
        rng = random.Random(SEED)
        whole = [query(7, NAME)] + [request(7, op, Name('NOISE', scope='A.B'), '203.0.113.1')
                                    for op in (5, 6, 8, 9, 15)]
        for count in range(3000):
            packet = bytearray(rng.choice(whole))
            for _ in range(rng.randrange(1, 6)):
                packet[rng.randrange(len(packet))] = rng.randrange(256)
            if rng.random() < 0.2:
                packet += rng.randbytes(rng.randrange(1, 300))
            self.node.send(bytes(packet))
            if count % 100 == 0:
                self.node.query(NAME)
        self.still_served()
        self.assertTrue(self.server.process.running)

    def test_real_broadcast_is_ignored(self):
        """Even with the B bit clear: the address it was sent to says it."""
        before = self.drops().get('broadcast', 0)
        with self.broadcaster() as sock:
            sock.sendto(query(0x4242, NAME), ('192.0.2.255', 137))
            lab.wait_until(lambda: self.drops().get('broadcast', 0) > before, 5, 'it to be counted')
            self.still_served()
            self.assertRaises(BlockingIOError, sock.recv, 1000, socket.MSG_DONTWAIT)
        self.assertEqual(self.drops()['broadcast'], before + 1)

    def broadcaster(self):
        sock = self.lab.hosts['client'].socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return sock


if __name__ == '__main__':
    tap.main()
