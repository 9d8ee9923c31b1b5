# SPDX-License-Identifier: Apache-2.0
"""One address sends far more than the server can take, and others are served all the same; nobody fills
the database alone. Issue: under stress; doc/design/stress.md. Waits for states, never for times."""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import LabCase
from lib.netbios import Name
from lib.node import Node

SERVER, CLIENT, BAD = '192.0.2.10', '192.0.2.20', '192.0.2.66'
UDP_SEGMENT, SEGMENTS = 103, 64
LONG = 120  # seconds for a state to come about, on a machine with much else to do


class Flood:
    """Sends until it is told to stop, 64 packets with one call, which the kernel cuts up."""

    def __init__(self, host, make):
        self.make, self.sent, self.running = make, 0, True
        self.sock = host.socket()
        self.sock.bind((BAD, 0))
        self.sock.connect((SERVER, 137))
        self.sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(make(0)))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        packets = [self.make(i) for i in range(256 * SEGMENTS)]
        batches = [b''.join(packets[i:i + SEGMENTS]) for i in range(0, len(packets), SEGMENTS)]
        while self.running:
            for batch in batches:
                if not self.running:
                    break
                self.sock.send(batch)
                self.sent += SEGMENTS

    def stop(self):
        self.running = False
        self.thread.join()
        self.sock.close()


class FloodCase(LabCase):
    def start(self, **options):
        self.server = self.winsd(self.lab.host('server', SERVER), workers=1, **options).start()
        self.client = Node(self.lab.host('client', CLIENT), SERVER)
        self.bad = self.lab.host('bad', BAD)

    def flood(self, make):
        flood = Flood(self.bad, make)
        self.addCleanup(flood.stop)
        return flood

    def counters(self):
        return self.server.stats()['counters']

    def told(self, number):
        return [e for e in self.server.ctl('events') if e['number'] == number]

    def serve(self, count):
        """Others register and find names, with the three tries that Windows has."""
        for i in range(count):
            self.assertEqual(self.client.register(Name(f'GOOD{i}'), tries=3).rcode, netbios.OK)
        for i in range(count):
            self.assertEqual(self.client.resolve(Name(f'GOOD{i}'), tries=3), [CLIENT])

    def endure(self, make):
        flood = self.flood(make)
        lab.wait_until(lambda: self.counters()['shed'] > 0, LONG, 'the flood to be kept out')
        self.serve(50)
        self.assertIn(BAD, self.told(10066)[0]['sentence'])
        flood.stop()
        self.assertGreater(flood.sent, self.server.ctl('status')[0]['udp']['received'])
        lab.wait_until(lambda: self.told(10067), LONG, 'the end of the flood to be told')
        # Its address is an ordinary one again.
        self.assertEqual(Node(self.bad, SERVER).resolve(Name('GOOD0'), tries=3), [CLIENT])


class Floods(FloodCase):
    def test_queries_of_one_address_do_not_keep_others_from_being_served(self):
        self.start(receive_buffer='2MiB')
        self.endure(lambda i: netbios.query(i & 0xffff, Name(f'ABSENT{i:06}')))

    def test_registrations_of_one_address_do_not_keep_others_from_being_served(self):
        self.start(receive_buffer='2MiB', names_per_address=100, queue_max=1000)
        self.endure(lambda i: netbios.request(i & 0xffff, netbios.REGISTER, Name(f'FLOOD{i:06}'), BAD))
        names = self.server.records().values()
        self.assertLess(len([r for r in names if r['addresses'][0]['address'] == BAD]), 2000)

    def test_garbage_of_one_address_does_not_keep_others_from_being_served(self):
        self.start(receive_buffer='2MiB')
        flood = self.flood(lambda i: b'\xa5' * 60)
        lab.wait_until(lambda: sum(self.server.stats()['drops'].values()) > 10000, LONG,
                       'the flood to arrive')
        self.serve(50)
        flood.stop()


class Queues(LabCase):
    def test_long_requests_keep_their_turn_among_short_ones(self):
        """Packets of more than 96 bytes wait in a queue of their own: these have 68 to 287."""
        server = self.winsd(self.lab.host('server', SERVER)).start()
        host = self.lab.host('client', CLIENT)
        scopes = ['', 'S' * 23, 'S' * 27, 'S' * 28, '.'.join(['T' * 63, 'U' * 63, 'V' * 63, 'W' * 26])]
        names = [Name(f'TURN{i}', scope=scopes[i % len(scopes)]) for i in range(120)]
        lengths = {len(netbios.request(1, netbios.REGISTER, name, CLIENT)) for name in names}
        self.assertEqual(lengths, {68, 92, 96, 97, 287})
        sock = host.socket()
        sock.bind((CLIENT, 0))
        for i, name in enumerate(names):
            sock.sendto(netbios.request(i + 1, netbios.REGISTER, name, CLIENT), (SERVER, 137))
            if i % 7 == 0:
                sock.sendto(netbios.request(i + 1001, netbios.RELEASE, name, CLIENT), (SERVER, 137))
        sock.settimeout(LONG)
        answers = {}
        while len(answers) < 120 + 18:
            answer = sock.recv(1500)
            answers[int.from_bytes(answer[:2], 'big')] = answer[3] & 15
        sock.close()
        self.assertEqual(set(answers.values()), {netbios.OK})
        node = Node(host, SERVER)
        for i, name in enumerate(names):
            self.assertEqual(node.resolve(name), None if i % 7 == 0 else [CLIENT], str(i))
        self.assertEqual(sum(server.stats()['drops'].values()), 0)


class Shares(LabCase):
    def test_address_gets_so_many_names_and_a_reload_gives_it_more(self):
        server = self.winsd(self.lab.host('server', SERVER))
        server.conf.write_text('names-per-address: 5\n')
        server.start()
        node = Node(self.lab.host('client', CLIENT), SERVER)
        codes = [node.register(Name(f'N{i}')).rcode for i in range(7)]
        self.assertEqual(codes, [netbios.OK] * 5 + [netbios.RFS] * 2)
        event = [e for e in server.ctl('events') if e['number'] == 10070][0]
        self.assertIn(CLIENT, event['sentence'])
        server.restart('kill9')
        self.assertEqual(node.register(Name('N6')).rcode, netbios.RFS)
        self.assertEqual(node.register(Name('N0')).rcode, netbios.OK)
        server.conf.write_text('names-per-address: 6\n')
        server.ctl('reload')
        # The registrar takes it over after the reload was answered.
        lab.wait_until(lambda: node.register(Name('N6')).rcode == netbios.OK, LONG, 'the sixth name to be taken')
        self.assertEqual(node.register(Name('N7')).rcode, netbios.RFS)


if __name__ == '__main__':
    tap.main()
