# SPDX-License-Identifier: Apache-2.0
"""Port 137 on TCP: packets behind a 16-bit length (RFC 1002 4.2.1), for answers that were cut."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import ServerCase
from lib.netbios import Message, Name, query
from lib.node import Node

CLIENT = '192.0.2.97'
NAME = Name('STREAM')
MOST = 3


class TcpCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.host('client', CLIENT)
        self.node = Node(self.host, self.server.address)
        self.node.register(NAME)

    def connect(self):
        sock = self.host.socket(socket.SOCK_STREAM)
        self.addCleanup(sock.close)
        sock.settimeout(lab.PATIENCE)
        sock.connect((self.server.address, 137))
        return sock

    def read(self, sock, size):
        data = b''
        while len(data) < size:
            more = sock.recv(size - len(data))
            if not more:
                raise EOFError(data.hex())
            data += more
        return data

    def receive(self, sock):
        return Message(self.read(sock, struct.unpack('>H', self.read(sock, 2))[0]))

    def framed(self, packet):
        return struct.pack('>H', len(packet)) + packet

    def closed(self, sock):
        try:
            return sock.recv(100) == b''
        except ConnectionResetError:
            return True

    def exchange(self):
        sock = self.connect()
        sock.sendall(self.framed(query(0x1111, NAME)))
        answer = self.receive(sock)
        self.assertEqual((answer.id, answer.flags, answer.ips), (0x1111, 0x8580, [CLIENT]))
        sock.sendall(self.framed(query(0x2222, Name('NOSUCH'))))
        self.assertEqual(self.receive(sock).flags, 0x8583)


class Tcp(TcpCase):
    options = {'tcp_timeout': '10min', 'tcp_connections_max': MOST}

    def test_query_is_answered(self):
        self.exchange()

    def test_queries_in_one_segment_and_in_single_bytes_are_answered_in_order(self):
        sock = self.connect()
        sock.sendall(b''.join(self.framed(query(i, NAME)) for i in (1, 2, 3)))
        self.assertEqual([self.receive(sock).id for _ in range(3)], [1, 2, 3])
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in self.framed(query(4, NAME)):
            sock.sendall(bytes([byte]))
        self.assertEqual(self.receive(sock).id, 4)

    def test_connections_past_the_bound_are_closed_and_room_is_made_again(self):
        held = [self.connect() for _ in range(MOST)]
        self.assertTrue(self.closed(self.connect()))
        for sock in held:
            sock.close()
        lab.wait_until(self.room, 5, 'room to be made')

    def room(self):
        try:
            self.exchange()
            return True
        except (EOFError, OSError):
            return False

    def test_udp_is_served_while_tcp_connections_idle(self):
        for _ in range(MOST):
            self.connect()
        self.assertEqual(self.node.resolve(NAME), [CLIENT])


class Slow(TcpCase):
    options = {'tcp_timeout': '1s'}

    def test_half_a_message_is_waited_for_no_longer_than_the_timeout(self):
        for part in (b'\0', self.framed(query(1, NAME))[:20]):
            begin = time.monotonic()
            sock = self.connect()
            sock.sendall(part)
            self.assertTrue(self.closed(sock))
            self.assertGreater(time.monotonic() - begin, 0.5)

    def test_length_of_zero_or_64k_does_not_stop_the_server(self):
        for size in (0, 11, 65535):
            sock = self.connect()
            sock.sendall(struct.pack('>H', size) + b'\xff' * size)
            self.closed(sock)
        self.exchange()

    def test_a_trickle_does_not_keep_a_connection_open(self):
        """At this pace the message would be whole after half a minute."""
        sock = self.connect()
        with self.assertRaises(OSError):
            for byte in self.framed(query(1, NAME))[:50]:
                sock.sendall(bytes([byte]))
                time.sleep(0.6)


if __name__ == '__main__':
    tap.main()
