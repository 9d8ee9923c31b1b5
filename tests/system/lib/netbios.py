# SPDX-License-Identifier: Apache-2.0
"""Name service packets (RFC 1002 4.2), written and read without any code of the product, so that a
mistake in our codec cannot hide itself. The reader is strict: it accepts only what a name server
may say, and every byte must be accounted for."""

import struct

QUERY, REGISTER, RELEASE, WACK, REFRESH, REFRESH_ALT, MULTIHOMED = 0, 5, 6, 7, 8, 9, 15
NB, NBSTAT, NULL = 0x20, 0x21, 0x0A
GROUP = 0x8000
B_NODE, P_NODE, M_NODE, H_NODE = 0, 0x2000, 0x4000, 0x6000
OK, FMT, SRV, NAM, IMP, RFS, ACT, CFT = range(8)
REQUEST_FLAGS = {
    QUERY: 0x0100, REGISTER: 0x2900, RELEASE: 0x3000, REFRESH: 0x4000, REFRESH_ALT: 0x4800,
    MULTIHOMED: 0x7900,
}
PROPOSED_TTL = 300000
RENEWAL = 518400


class Malformed(Exception):
    pass


def ip_bytes(text):
    return bytes(int(part) for part in text.split('.'))


def ip_text(raw):
    return '.'.join(str(b) for b in raw)


class Name:
    """Fifteen bytes padded with spaces, the suffix, and a scope."""

    def __init__(self, text, suffix=0x20, scope=''):
        raw = text if isinstance(text, bytes) else text.encode('latin-1')
        pad = b'\0' if raw == b'*' else b' '
        assert len(raw) <= 15
        self.raw = raw.ljust(15, pad) + bytes([suffix])
        self.scope = scope

    @classmethod
    def of_raw(cls, raw, scope=''):
        name = cls('')
        name.raw, name.scope = raw, scope
        return name

    @property
    def suffix(self):
        return self.raw[15]

    @property
    def text(self):
        return self.raw[:15].rstrip(b' \0').decode('latin-1')

    def encode(self):
        letters = bytes(65 + half for b in self.raw for half in (b >> 4, b & 15))
        labels = b''
        if self.scope:
            for label in self.scope.split('.'):
                labels += bytes([len(label)]) + label.encode('latin-1')
        return b'\x20' + letters + labels + b'\0'

    def __eq__(self, other):
        return (self.raw, self.scope) == (other.raw, other.scope)

    def __hash__(self):
        return hash((self.raw, self.scope))

    def __repr__(self):
        return f'{self.text}<{self.suffix:02x}>' + (f'.{self.scope}' if self.scope else '')


def header(ident, flags, qd=0, an=0, ns=0, ar=0):
    return struct.pack('>6H', ident, flags, qd, an, ns, ar)


def query(ident, name, flags=REQUEST_FLAGS[QUERY], qtype=NB):
    return header(ident, flags, qd=1) + name.encode() + struct.pack('>2H', qtype, 1)


def request(ident, opcode, name, ip, nb_flags=H_NODE, ttl=PROPOSED_TTL, flags=None):
    """A registration, refresh or release: question and one additional record pointing at it."""
    if flags is None:
        flags = REQUEST_FLAGS[opcode]
    record = b'\xc0\x0c' + struct.pack('>2HIHH', NB, 1, ttl, 6, nb_flags) + ip_bytes(ip)
    return (header(ident, flags, qd=1, ar=1) + name.encode() + struct.pack('>2H', NB, 1) + record)


def positive_query_response(ident, name, ips, nb_flags=H_NODE):
    data = b''.join(struct.pack('>H', nb_flags) + ip_bytes(ip) for ip in ips)
    return (header(ident, 0x8500, an=1) + name.encode()
            + struct.pack('>2HIH', NB, 1, 0, len(data)) + data)


def negative_query_response(ident, name):
    return header(ident, 0x8503, an=1) + name.encode() + struct.pack('>2HIH', NULL, 1, 0, 0)


def decode_name(data, at):
    if at + 33 > len(data) or data[at] != 0x20:
        raise Malformed('a name does not begin with a label of 32')
    letters = data[at + 1:at + 33]
    if any(not 65 <= c <= 80 for c in letters):
        raise Malformed('a name has letters other than A to P')
    raw = bytes(((letters[i] - 65) << 4) | (letters[i + 1] - 65) for i in range(0, 32, 2))
    at += 33
    labels = []
    while True:
        if at >= len(data):
            raise Malformed('a name has no end')
        size = data[at]
        at += 1
        if size == 0:
            return Name.of_raw(raw, '.'.join(labels)), at
        if size > 63 or at + size > len(data):
            raise Malformed('a scope label is too long')
        labels.append(data[at:at + size].decode('latin-1'))
        at += size


class Message:
    """A request or answer as read from the wire."""

    def __init__(self, data):
        if len(data) < 12:
            raise Malformed('shorter than a header')
        self.data = data
        self.id, self.flags, qd, an, ns, ar = struct.unpack('>6H', data[:12])
        self.counts = (qd, an, ns, ar)
        self.response = bool(self.flags & 0x8000)
        self.opcode = self.flags >> 11 & 15
        self.rcode = self.flags & 15
        self.rd, self.ra, self.aa = (bool(self.flags & m) for m in (0x100, 0x80, 0x400))
        self.broadcast, self.tc = bool(self.flags & 0x10), bool(self.flags & 0x200)
        self.name, self.ttl, self.type, self.rdata = None, None, None, b''
        at = 12
        if self.counts == (1, 0, 0, 0) or self.counts == (1, 0, 0, 1):
            self.name, at = decode_name(data, at)
            if at + 4 > len(data):
                raise Malformed('a question is cut')
            self.type, cls = struct.unpack_from('>2H', data, at)
            at += 4
            if ar:
                if data[at:at + 2] != b'\xc0\x0c':
                    raise Malformed('the record of a request does not point at its question')
                at = self._record(at + 2)
        elif self.counts == (0, 1, 0, 0):
            self.name, at = decode_name(data, at)
            at = self._record(at)
        else:
            raise Malformed(f'section counts {self.counts}')
        if at != len(data):
            raise Malformed(f'{len(data) - at} bytes behind the packet')

    def _record(self, at):
        if at + 10 > len(self.data):
            raise Malformed('a record is cut')
        self.type, cls, self.ttl, size = struct.unpack_from('>2HIH', self.data, at)
        at += 10
        if cls != 1 or at + size > len(self.data):
            raise Malformed('a record has a wrong class or is cut')
        self.rdata = self.data[at:at + size]
        return at + size

    @property
    def entries(self):
        """(NB_FLAGS, address) of each entry."""
        if len(self.rdata) % 6:
            raise Malformed('record data are not whole address entries')
        return [(struct.unpack_from('>H', self.rdata, i)[0], ip_text(self.rdata[i + 2:i + 6]))
                for i in range(0, len(self.rdata), 6)]

    @property
    def ips(self):
        return [ip for _, ip in self.entries]

    def __repr__(self):
        return (f'<id {self.id:04x} flags {self.flags:04x} {self.name} type {self.type} '
                f'ttl {self.ttl} data {self.rdata.hex()}>')
