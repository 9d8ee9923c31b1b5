# SPDX-License-Identifier: Apache-2.0
"""Replication messages by hand (MS-WINSRA): what a peer says on TCP port 42, right or wrong. Layer: tests.
Spec: wins 3.2-3.6."""

import socket
import struct

PORT = 42
WINS_BITS = 0x7800
START, START_RESPONSE, STOP, REPLICATION = range(4)
MAP, MAP_RESPONSE, RECORDS, RECORDS_RESPONSE, NOTIFY = range(5)
HANDLE = 0x5eed1234


def address(ip):
    return socket.inet_aton(ip)


def message(kind, handle, body):
    rest = struct.pack('>III', WINS_BITS, handle, kind) + body
    return struct.pack('>I', len(rest)) + rest


def start(handle=0, sender=HANDLE, kind=START):
    return message(kind, handle, struct.pack('>IHH', sender, 2, 5) + bytes(21))


def owners(rows):
    """rows: (owner, highest version)."""
    return struct.pack('>I', len(rows)) + b''.join(
        address(ip) + struct.pack('>QQI', highest, 1, 1) for ip, highest in rows)


def map_response(handle, rows):
    return message(REPLICATION, handle, struct.pack('>I', MAP_RESPONSE) + owners(rows) + bytes(4))


def notify(handle, rows, initiator, op=NOTIFY):
    return message(REPLICATION, handle, struct.pack('>I', op) + owners(rows) + address(initiator))


def map_request(handle):
    return message(REPLICATION, handle, struct.pack('>I', MAP))


def records_request(handle, owner, lowest, highest):
    return message(REPLICATION, handle, struct.pack('>I', RECORDS) + address(owner)
                   + struct.pack('>QQI', highest, lowest, 0))


def record(name, version, ip, flags=0x60):
    """An active unique name of an H node; name: 16 bytes."""
    return (struct.pack('>I', 17) + name + bytes(4) + struct.pack('>I', flags) + bytes(4)
            + struct.pack('>Q', version) + address(ip) + b'\xff' * 4)


def records_response(handle, list_, count=None):
    count = len(list_) if count is None else count
    return message(REPLICATION, handle, struct.pack('>II', RECORDS_RESPONSE, count) + b''.join(list_))


class Peer:
    """A connection: what is sent is up to the test."""

    def __init__(self, sock):
        self.sock, self.theirs = sock, 0

    @classmethod
    def connect(cls, host, server, source=None, timeout=20):
        sock = host.socket(socket.SOCK_STREAM)
        sock.settimeout(timeout)
        if source:
            sock.bind((source, 0))
        sock.connect((server, PORT))
        return cls(sock)

    def send(self, data):
        self.sock.sendall(data)

    def _exactly(self, n):
        data = b''
        while len(data) < n:
            more = self.sock.recv(min(n - len(data), 1 << 16))
            if not more:
                raise EOFError('the server closed the connection')
            data += more
        return data

    def take(self):
        """The next message: handle, kind, operation (or None), what stands behind."""
        length, = struct.unpack('>I', self._exactly(4))
        data = self._exactly(length)
        _, handle, kind = struct.unpack('>III', data[:12])
        if kind != REPLICATION:
            return handle, kind, None, data[12:]
        return handle, kind, struct.unpack('>I', data[12:16])[0], data[16:]

    def associate(self):
        """Starts an association; returns the server's handle."""
        self.send(start())
        _handle, kind, _op, body = self.take()
        assert kind == START_RESPONSE, kind
        self.theirs, = struct.unpack('>I', body[:4])
        return self.theirs

    def ask_map(self, handle=None):
        """owner -> highest version."""
        self.send(map_request(self.theirs if handle is None else handle))
        _handle, kind, op, body = self.take()
        assert (kind, op) == (REPLICATION, MAP_RESPONSE), (kind, op)
        count, = struct.unpack('>I', body[:4])
        rows = [body[4 + 24 * i:28 + 24 * i] for i in range(count)]
        return {socket.inet_ntoa(row[:4]): struct.unpack('>Q', row[4:12])[0] for row in rows}

    def close(self):
        self.sock.close()
