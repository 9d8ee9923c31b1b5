# SPDX-License-Identifier: Apache-2.0
"""Queries past the kernel's network code (option xdp): answers are those of the ordinary socket, what is
no plain query takes its usual way, a kernel or driver that cannot is refused with a reason; and a
representative part of the other tests, with every server answering that way."""

import ctypes
import importlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ['WINSOME_TEST_XDP'] = 'eth0'

from flood import LONG, FloodCase
from lib import lab, netbios, tap, winsd
from lib.case import LabCase, ServerCase
from lib.netbios import Name
from lib.node import Node, new_id

AGAIN = ['bad_input', 'challenge', 'groups', 'lifecycle', 'multihomed', 'wellformed']
AF_XDP = 44
BPF, MAP_CREATE, ARRAY = 321, 0, 2  # of x86-64; the number and the arguments of bpf(2)
CLIENT = '192.0.2.51'
FAST, SLOW = '192.0.2.10', '198.51.100.10'


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def datagrams(host):
    """How many UDP datagrams the host's kernel has handed to sockets."""
    lines = [line.split() for line in host.run('cat', '/proc/net/snmp').stdout.splitlines()
             if line.startswith('Udp:')]
    return int(lines[1][lines[0].index('InDatagrams')])


def absent(i):
    return netbios.query(i & 0xffff, Name(f'ABSENT{i:06}'))


def xdp_on(host, interface):
    return 'xdp' in host.run('ip', 'link', 'show', interface).stdout


class Wire:
    """Frames made byte by byte, from a port of a host that is in the server's net."""

    def __init__(self, host, server, port=1025):
        self.host, self.port = host, port
        self.mac = server.mac('eth0') + host.mac('eth0')
        with host.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind(('eth0', 0))
        self.answers = host.socket()
        self.answers.bind((host.addresses[0], port))
        self.answers.settimeout(5)

    def close(self):
        self.sock.close()
        self.answers.close()

    def udp(self, payload, spoil=0):
        head = struct.pack('>4H', self.port, 137, 8 + len(payload), 0)
        pseudo = netbios.ip_bytes(CLIENT) + netbios.ip_bytes(FAST) + struct.pack('>2H', 17, 8 + len(payload))
        return head[:6] + struct.pack('>H', checksum(pseudo + head + payload) ^ spoil) + payload

    def ip(self, body, options=b'', fragment=0x4000, ttl=64):
        head = struct.pack('>BBHHHBBH4s4s', 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 7,
                           fragment, ttl, 17, 0, netbios.ip_bytes(CLIENT), netbios.ip_bytes(FAST)) + options
        return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + body

    def send(self, packet, padding=b'', kind=b'\x08\0'):
        self.sock.send(self.mac + kind + packet + padding)

    def answer(self):
        return self.answers.recv(2048)


class TwoLinks(ServerCase):
    """eth0 past the kernel, eth1 through its sockets."""

    ADDRESSES = [FAST, SLOW]

    def setUp(self):
        super().setUp()
        self.host = self.lab.host('client', CLIENT)
        self.client = Node(self.host, FAST)

    def wire(self):
        wire = Wire(self.host, self.server_host)
        self.addCleanup(wire.close)
        return wire

    def taken_past(self, ask):
        """Does the kernel hand no datagram to a socket meanwhile?"""
        before = datagrams(self.server_host)
        ask()
        return datagrams(self.server_host) == before


class SameAnswers(TwoLinks):
    def names(self):
        self.client.register(Name('UNIQUE'))
        self.client.register(Name('SCOPED', scope='SOME.SCOPE'))
        self.client.register(Name('GONE'))
        self.client.release(Name('GONE'))
        self.client.register_group(Name('GROUP', 0x1E))
        for last in range(1, 26):
            self.client.register_group(Name('DOMAIN', 0x1C), f'203.0.113.{last}')
        return [Name('UNIQUE'), Name('SCOPED', scope='SOME.SCOPE'), Name('GONE'), Name('GROUP', 0x1E),
                Name('DOMAIN', 0x1C), Name('NEVER')]

    def test_answers_are_byte_for_byte_those_of_the_ordinary_socket(self):
        for name in self.names():
            query = netbios.query(new_id(), name)
            fast = []
            self.assertTrue(self.taken_past(lambda: fast.extend(self.client.ask(query))))
            slow = self.client.ask(query, server=SLOW)
            self.assertEqual([a.data for a in fast], [a.data for a in slow])
            self.assertEqual((fast[0].peer, slow[0].peer), ((FAST, 137), (SLOW, 137)))

    def test_ip_headers_are_those_of_the_kernel(self):
        name = self.names()[0]
        self.client.query(name)
        self.client.query(name, server=SLOW)

        def heads(address):
            # all but what differs rightly: the number of a datagram that is not to be cut up (RFC 6864),
            # and the checksum and addresses
            return [f.head[:4] + f.head[6:10] + f.head[20:] for f in self.capture.seen(
                lambda f: f.src == address and f.message.opcode == netbios.QUERY)]
        lab.wait_until(lambda: heads(FAST) and heads(SLOW), 5, 'both answers on the wire')
        self.assertEqual(heads(FAST), heads(SLOW))

    def test_tshark_finds_every_checksum_good(self):
        for name in self.names():
            self.client.query(name)
        self.capture.stop()
        done = subprocess.run(
            ['tshark', '-n', '-r', self.capture.path, '-o', 'ip.check_checksum:TRUE', '-o',
             'udp.check_checksum:TRUE', '-Y', f'ip.src == {FAST} and udp and nbns.flags.opcode == 0',
             '-T', 'fields', '-e', 'ip.checksum.status', '-e', 'udp.checksum.status'],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.split('\n'), ['1\t1'] * 6 + [''])


class OtherWays(TwoLinks):
    def setUp(self):
        super().setUp()
        self.client.register(Name('HERE'))
        self.query = netbios.query(new_id(), Name('HERE'))

    def test_what_is_no_plain_query_is_answered_by_the_socket(self):
        wire = self.wire()
        udp = wire.udp(self.query)
        ways = {
            'IP options': lambda: wire.send(wire.ip(udp, options=b'\1\1\1\0')),
            'fragments': lambda: (wire.send(wire.ip(udp[:24], fragment=0x2000)),
                                  wire.send(wire.ip(udp[24:], fragment=3))),
            'a refresh': lambda: wire.send(wire.ip(wire.udp(netbios.request(
                new_id(), netbios.REFRESH, Name('HERE'), CLIENT)))),
        }
        for what, send in ways.items():
            with self.subTest(what):
                before = datagrams(self.server_host)
                send()
                self.assertEqual(netbios.Message(wire.answer()).rcode, netbios.OK)
                self.assertEqual(datagrams(self.server_host), before + 1)

    def test_plain_queries_that_look_odd_are_answered_past_the_kernel(self):
        wire = self.wire()
        udp = wire.udp(self.query)
        ways = {
            'plain': lambda: wire.send(wire.ip(udp)),
            'padding': lambda: wire.send(wire.ip(udp), padding=b'\xff' * 9),
            'may be cut up': lambda: wire.send(wire.ip(udp, fragment=0)),
            'at the end of its life': lambda: wire.send(wire.ip(udp, ttl=1)),
            'no checksum': lambda: wire.send(wire.ip(udp[:6] + b'\0\0' + udp[8:])),
        }
        for what, send in ways.items():
            with self.subTest(what):
                answer = []
                self.assertTrue(self.taken_past(lambda: (send(), answer.append(wire.answer()))))
                self.assertEqual(netbios.Message(answer[0]).ips, [CLIENT])

    def test_damaged_and_foreign_frames_are_not_answered(self):
        wire = self.wire()
        udp = wire.udp(self.query)
        whole = wire.ip(udp)
        wire.send(wire.ip(wire.udp(self.query, spoil=0x0100)))
        wire.send(whole[:10] + b'\0\0' + whole[12:])         # the IP header's checksum
        wire.send(whole[:-1])                                # shorter than it says
        last = netbios.query(new_id(), Name('NEVER'))
        wire.send(wire.ip(wire.udp(last)))
        self.assertEqual(wire.answer()[:2], last[:2])        # nothing was answered before it
        # a bridge may drop what is cut off, and the kernel what has a wrong header: the first one comes
        self.assertGreaterEqual(self.server.ctl('status')[0]['udp']['receive-errors'], 1)

    def test_addresses_that_come_and_go_are_followed(self):
        new = '192.0.2.77'

        def past():
            return self.taken_past(lambda: self.client.ask(self.query, server=new))
        self.server_host.run('ip', 'addr', 'add', f'{new}/24', 'dev', 'eth0')
        lab.wait_until(past, 10, 'queries to the new address to be taken past the kernel')
        self.server_host.run('ip', 'addr', 'del', f'{new}/24', 'dev', 'eth0')
        # nobody has the address now: the frame is addressed by hand
        wire = self.wire()

        def silent():
            packet = wire.ip(wire.udp(self.query)).replace(netbios.ip_bytes(FAST), netbios.ip_bytes(new))
            head = packet[:10] + b'\0\0' + packet[12:20]
            before = self.server.ctl('status')[0]['udp']['received']
            wire.send(head[:10] + struct.pack('>H', checksum(head)) + head[12:] + packet[20:26] + b'\0\0'
                      + packet[28:])
            self.client.ask(self.query)  # once this one is answered, the other was seen
            return self.server.ctl('status')[0]['udp']['received'] == before + 1
        lab.wait_until(silent, 10, 'queries to the address that has gone to be left alone')

    def test_address_of_another_interface_is_answered_by_the_socket(self):
        """It may be one in a VLAN of the same card, whose tag the driver has taken off: only the kernel
        knows the way back."""
        lab.ip('-n', 'client', 'route', 'add', SLOW, 'via', FAST)
        before = datagrams(self.server_host)
        answer = self.client.ask(self.query, server=SLOW)[-1]
        self.assertEqual((answer.peer, answer.ips), ((SLOW, 137), [CLIENT]))
        self.assertEqual(datagrams(self.server_host), before + 1)

    def test_the_machines_own_name_is_answered_by_its_node(self):
        self.server.end()
        self.server.options.update({'node.name': 'OWNNAME', 'node.resolve-socket': ''})
        self.server.start()
        lab.wait_until(lambda: self.client.resolve(Name('OWNNAME', 0)), 20, 'the own name to be registered')
        query = netbios.query(new_id(), Name('OWNNAME', 0))
        self.assertIn(FAST, self.client.ask(query)[-1].ips)


class Life(TwoLinks):
    def test_nothing_stays_in_the_driver_behind_the_server(self):
        for how in ('kill9', 'end'):
            self.assertTrue(xdp_on(self.server_host, 'eth0'))
            getattr(self.server, how)()
            lab.wait_until(lambda: not xdp_on(self.server_host, 'eth0'), 10, 'the program to go')
            self.server.start()
        self.client.register(Name('AFTER'))
        self.assertTrue(self.taken_past(lambda: self.client.query(Name('AFTER'))))

    def test_link_that_was_down_is_served_again(self):
        self.client.register(Name('LINK'))
        self.server_host.link('eth0', 'down')
        self.server_host.link('eth0', 'up')
        self.assertTrue(self.taken_past(
            lambda: self.client.query(Name('LINK'), tries=20, timeout=0.5)))

    def test_server_goes_on_when_the_interface_is_removed(self):
        self.client.register(Name('LEFT'))
        self.server_host.run('ip', 'link', 'del', 'eth0')
        self.server_host.run('ip', 'route', 'add', 'default', 'via', '198.51.100.1')
        self.assertEqual(self.client.query(Name('LEFT'), server=SLOW, tries=20, timeout=0.5).ips,
                         [CLIENT])


class ManyQueues(LabCase):
    def test_each_queue_is_answered_past_the_kernel(self):
        server = self.lab.host('server')
        self.lab.need_net('192.0.2')
        lab.ip('link', 'add', 'eth0', 'netns', 'server', 'numrxqueues', '4', 'type', 'veth', 'peer',
               'name', 'far', 'netns', 'router', 'numtxqueues', '4')
        lab.ip('-n', 'router', 'link', 'set', 'far', 'master', self.lab.nets['192.0.2'], 'up')
        lab.ip('-n', 'server', 'addr', 'add', f'{FAST}/24', 'dev', 'eth0')
        lab.ip('-n', 'server', 'link', 'set', 'eth0', 'up')
        server.addresses.append(FAST)
        self.winsd(server, workers=2).start()
        host = self.lab.host('client', CLIENT)
        before = datagrams(server)
        for port in range(2000, 2064):
            with host.socket() as sock:
                sock.settimeout(10)
                sock.bind((CLIENT, port))
                sock.connect((FAST, 137))
                sock.send(netbios.query(port, Name('NEVER')))
                self.assertEqual(netbios.Message(sock.recv(2048)).id, port)
        self.assertEqual(datagrams(server), before)


class Floods(FloodCase):
    """One address sends more queries than the server can take."""

    def test_queries_of_one_address_do_not_keep_others_from_being_answered(self):
        self.start()
        before = datagrams(self.server.host)
        self.endure(absent)
        # 50 registrations of others, and no query of anybody
        self.assertLess(datagrams(self.server.host) - before, 1000)

    def test_without_fair_shares_nobody_is_kept_out(self):
        self.start(fair_shares='false')
        self.flood(absent)
        lab.wait_until(lambda: self.counters()['lost'] > 0, LONG, 'the flood to fill the ring')
        self.assertEqual(self.counters()['shed'], 0)


class Refused(LabCase):
    def refused(self, host, sentence, **options):
        server = self.winsd(host, **options)
        process = server.launch()
        self.assertEqual(process.popen.wait(20), 1)
        self.assertIn(sentence, server.output())

    def test_interface_without_native_xdp_is_refused_with_the_reason(self):
        host = self.lab.host('server', FAST)
        lab.ip('-n', 'server', 'link', 'add', 'br0', 'type', 'bridge')
        for interface, why in (('nothere', 'there is no interface "nothere"'),
                               ('lo', 'lo is no Ethernet interface'),
                               ('br0', 'the driver of br0 does not take an XDP program')):
            self.refused(host, f'The option xdp cannot be obeyed: {why}', xdp=interface)

    def test_second_program_on_an_interface_is_refused(self):
        host = self.lab.host('server', FAST)
        self.winsd(host).start()
        self.refused(host, 'another XDP program is attached to eth0 already', port=1137,
                     control_socket=host.path('run') / 'second.sock', data_dir=host.path('second'))


def others():
    """The cases of other files, under the names that they have there."""
    for file in AGAIN:
        for name, case in vars(importlib.import_module(file)).items():
            if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == file:
                yield f'{file}_{name}', case


def lacking():
    """Why this kernel or this build cannot, found out without our own code as far as possible."""
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW).close()
    except OSError as error:
        return f'the kernel has no AF_XDP ({error.strerror})'
    libc, words = ctypes.CDLL(None, use_errno=True), struct.pack('5I', ARRAY, 4, 4, 1, 0)
    fd = libc.syscall(BPF, MAP_CREATE, ctypes.c_char_p(words), len(words))
    if fd < 0:
        return f'programs for the kernel are not allowed here ({os.strerror(ctypes.get_errno())})'
    os.close(fd)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [winsd.WINSD, '-o', f'data-dir={folder}/data', '-o', f'control-socket={folder}/run/sock', '-o',
             'user=', '-o', 'listen=127.0.0.1', '-o', 'port=1137', '-o', 'xdp=lo'],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return 'winsd was built without it' if 'built without it' in done.stderr else ''


if tap.INSIDE in os.environ:
    globals().update(others())

if __name__ == '__main__':
    why = '' if tap.INSIDE in os.environ or os.geteuid() else lacking()
    if why:
        print(f'1..0 # SKIP {why}')
    else:
        tap.main()
