# SPDX-License-Identifier: Apache-2.0
"""Several winsd that are each other's replication partners: what one learns the others learn, by
interval, by count and by command; what is released goes; a server killed in the middle loses nothing;
a stranger gets nothing; one that begins anew hands out no old version. tshark reads along."""

import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import tap, wrepl
from lib.burst import Burst, numbered
from lib.case import LabCase
from lib.lab import wait_until
from lib.netbios import Name
from lib.node import Node

A, B, C = '192.0.2.10', '198.51.100.10', '203.0.113.10'
CLIENT = '192.0.2.95'


def partner(address, **more):
    keys = {'address': address, **{k.replace('_', '-'): v for k, v in more.items()}}
    return '{' + ', '.join(f'{k}: {v}' for k, v in keys.items()) + '}'


def partners(*list_):
    return '[' + ', '.join(p if p.startswith('{') else partner(p) for p in list_) + ']'


class Replication(LabCase):
    def setUp(self):
        super().setUp()
        self.servers, self.captures = {}, []

    def server(self, address, *list_, data=None, **options):
        host = self.lab.host('s' + address.split('.')[0], address)
        capture = self.lab.capture(host)
        self.addCleanup(self.check_capture, capture, address)
        server = self.winsd(host, data=data, **{
            'challenge-interval': '100ms', 'replication.retry-interval': '1s',
            'replication.pause': 'never',
            **({'replication.partners': partners(*list_)} if list_ else {}), **options})
        self.servers[address] = server.start()
        return server

    def check_capture(self, capture, address):
        self.assertEqual(capture.malformed([address]), '')

    def client(self, server=A, address=CLIENT):
        host = self.lab.host('c' + address.replace('.', '-'), address)
        return Node(host, server)

    def pull(self, server, *words):
        """replicate now; the records that came."""
        return sum(p['records'] for p in server.ctl('replicate-now', *words))

    def until(self, condition, what, timeout=30):
        return wait_until(condition, timeout, what)

    def has(self, server, name):
        return str(name) in server.records()

    def pair(self, **options):
        """Two partners that pull by command and notice alone."""
        a = self.server(A, partner(B, pull_interval=0), **options)
        b = self.server(B, partner(A, pull_interval=0), **options)
        return a, b


class Flow(Replication):
    def test_registration_travels_by_command(self):
        a, b = self.pair()
        client = self.client()
        client.register(Name('ALPHA'))
        self.assertEqual(self.pull(b, A), 1)
        record = b.records()['ALPHA<20>']
        self.assertEqual((record['owner'], record['version'], record['state']), (A, 1, 'active'))
        self.assertEqual(client.resolve(Name('ALPHA'), server=B), [CLIENT])
        self.assertEqual(self.pull(b), 0)
        self.assertEqual(b.run_ctl('replicate', 'now', A).stdout, f'{A}: 0 records came.\n')

    def test_registration_travels_by_interval(self):
        self.server(A, partner(B, pull='false', push='false'))
        b = self.server(B, partner(A, pull_interval='1s'))
        self.client().register(Name('ALPHA'))
        self.until(lambda: self.has(b, 'ALPHA<20>'), 'the interval to bring ALPHA')

    def test_registrations_travel_by_count(self):
        a = self.server(A, partner(B, pull='false', update_count=3),
                        **{'replication.push-at-start': 'false'})
        b = self.server(B, partner(A, pull_interval=0), **{'replication.pull-at-start': 'false'})
        client = self.client()
        client.register(Name('ONE'))
        client.register(Name('TWO'))
        self.assertEqual(b.ctl('partners')[0]['notices-in'], 0)
        client.register(Name('THREE'))
        self.until(lambda: len(b.records()) == 3, 'three changes to be told of')
        self.assertGreaterEqual(b.ctl('partners')[0]['notices-in'], 1)

    def test_push_command_makes_partner_pull(self):
        a, b = self.pair(**{'replication.pull-at-start': 'false',
                            'replication.push-at-start': 'false'})
        self.client().register(Name('ALPHA'))
        a.ctl('push', B)
        self.until(lambda: self.has(b, 'ALPHA<20>'), 'the push to bring ALPHA')
        self.assertIn('is no partner', a.run_ctl('push', C).stderr)

    def test_propagated_push_reaches_the_third(self):
        a = self.server(A, partner(B, pull_interval=0))
        b = self.server(B, partner(A, pull_interval=0), partner(C, pull_interval=0))
        c = self.server(C, partner(B, pull_interval=0))
        self.client().register(Name('ALPHA'))
        a.ctl('push', '--propagate')
        self.until(lambda: self.has(c, 'ALPHA<20>'), 'the push to be told on')
        self.assertEqual(c.records()['ALPHA<20>']['owner'], A)

    def test_release_travels_once_it_is_a_tombstone(self):
        a, b = self.pair()
        client = self.client()
        client.register(Name('ALPHA'))
        self.pull(b)
        a.ctl('tombstone', 'ALPHA<20>')
        self.assertEqual(self.pull(b), 1)
        self.assertEqual(b.records()['ALPHA<20>']['state'], 'tombstone')
        self.assertIsNone(client.resolve(Name('ALPHA'), server=B))

    def test_release_of_one_address_travels(self):
        """KB Q184832 over two servers: no partner keeps the address that is gone."""
        a, b = self.pair()
        host = self.lab.host('multi', CLIENT, '203.0.113.95')
        node = Node(host, A)
        node.own(Name('SERVER'), [CLIENT, '203.0.113.95'])
        for ip in (CLIENT, '203.0.113.95'):
            node.multihomed(Name('SERVER'), ip)
        self.pull(b)
        self.assertEqual(sorted(node.resolve(Name('SERVER'), server=B)), [CLIENT, '203.0.113.95'])
        node.release(Name('SERVER'), CLIENT, source=CLIENT)
        self.assertEqual(self.pull(b), 1)
        self.assertEqual(node.resolve(Name('SERVER'), server=B), ['203.0.113.95'])


class Trouble(Replication):
    def burst(self, count):
        burst = Burst(self.lab.host('load', CLIENT), A)
        burst.register_all(numbered(count), lambda name: CLIENT)
        burst.close()

    def test_killed_in_the_middle_of_a_large_pull(self):
        """The first of A's records clashes with one of B's, whose holder is asked and mute. Until
        that ends no more than 16 ranges are asked for: B stands in the middle for as long as it
        takes to see it there."""
        a = self.server(A, partner(B, pull='false', push='false'))
        self.client().register(Name('CLASH'))
        self.burst(2999)
        b = self.server(B, partner(A, pull='false'), **{'replication.range-max': 100,
                                                        'challenge-interval': '10s'})
        self.client(B, '192.0.2.96').register(Name('CLASH'))
        b.options['replication.partners'] = partners(partner(A, pull_interval='1s'))
        b.kill9()
        for _ in range(3):
            b.start()
            self.until(lambda: b.ctl('status')[0]['records'] > 100, 'the first records')
            self.assertLess(b.ctl('status')[0]['records'], 2000)
            self.assertEqual(b.records()['CLASH<20>']['owner'], 'self')
            b.kill9()
        b.options['challenge-interval'] = '50ms'
        b.start()
        self.until(lambda: b.ctl('status')[0]['records'] == 3000, 'all records')
        self.until(lambda: b.records()['CLASH<20>']['owner'] == A, 'the end of the challenge')
        self.assertEqual({n: r['version'] for n, r in b.records().items()}, a.versions())

    def test_list_of_partners_is_reloaded(self):
        a = self.server(A)
        b = self.server(B)
        self.client().register(Name('ALPHA'))
        self.assertIn('There is no partner', b.run_ctl('replicate', 'now').stderr)
        self.assertEqual(b.ctl('partners'), [])
        for server, other in (a, B), (b, A):
            server.conf.write_text(f'replication:\n  partners:\n    - address: {other}\n')
            server.ctl('reload')
            self.assertEqual([p['address'] for p in server.ctl('partners')], [other])
        self.until(lambda: self.has(b, 'ALPHA<20>'), 'ALPHA')
        b.conf.write_text('replication:\n  partners: []\n')
        b.ctl('reload')
        self.assertEqual(b.ctl('partners'), [])
        b.conf.write_text('replication:\n  partners:\n    - adress: 192.0.2.10\n')
        self.assertIn('winsd.yaml:3: replication.partners: "adress" is none of',
                      b.run_ctl('reload').stderr)
        b.conf.write_text(f'replication:\n  partners:\n    - address: {A}\n')
        b.ctl('reload')
        self.assertEqual([p['address'] for p in b.ctl('partners')], [A])

    def test_partner_that_vanishes_is_noticed(self):
        """Connections that stay open are silent for hours: each end lets the kernel ask whether the
        other is still there."""
        a, b = self.pair()
        self.pull(b)
        for server in a, b:
            self.until(lambda: self.all_asked(server), f'keepalive of {server.address}')

    def all_asked(self, server):
        """Whether each connection that stands at rest has the kernel's timer for that."""
        shown = server.host.run('ss', '-Htno', 'state', 'established', '( sport = :42 or dport = :42 )')
        lines = shown.stdout.splitlines()
        return lines and all('timer:(keepalive' in line for line in lines)

    def test_stranger_is_refused(self):
        a = self.server(A)
        stranger = self.server(B, partner(A, pull_interval=0))
        self.client().register(Name('ALPHA'))
        done = stranger.run_ctl('replicate', 'now')
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'{A}: failed, ', done.stdout)
        self.assertEqual(stranger.records(), {})
        self.assertGreater(self.until(
            lambda: a.stats()['replication']['connections-refused'], 'the refusal'), 0)

    def test_handle_0_is_answered_where_it_came_and_anothers_is_not(self):
        """As Windows, but for another connection's handle, with which it answers over there."""
        self.server(A, partner(B, pull='false', push='false'))
        host = self.lab.host('raw', B)
        one, two = (wrepl.Peer.connect(host, A) for _ in range(2))
        self.addCleanup(one.close)
        self.addCleanup(two.close)
        one.send(wrepl.map_request(0))  # no association is there yet: it is ignored
        self.assertNotEqual(one.associate(), two.associate())
        self.assertIn(A, two.ask_map(handle=0))
        two.send(wrepl.map_request(one.theirs))
        two.send(wrepl.records_request(0, A, 1, 1))
        self.assertEqual(two.take()[1:3], (wrepl.REPLICATION, wrepl.RECORDS_RESPONSE))
        self.assertIn(A, one.ask_map())  # and nothing came before it

    def test_taken_port_is_no_obstacle_without_partners(self):
        host = self.lab.host('s192', A)
        sock = host.socket(socket.SOCK_STREAM)
        sock.bind((A, 42))
        sock.listen()
        server = self.winsd(host)
        server.start()
        self.until(lambda: 'TCP port 42' in server.output(), 'the port to be told of')
        server.end()
        server.options['replication.partners'] = partners(B)
        server.launch()
        self.assertEqual(server.process.popen.wait(30), 1)
        sock.close()

    def test_takeover_hands_out_no_old_version(self):
        a, b = self.pair()
        client = self.client()
        for name in 'ALPHA', 'BETA', 'GAMMA':
            client.register(Name(name))
        self.pull(b)
        a.end()
        a.data = a.options['data-dir'] = a.host.path('data2')
        a.options['server-address'] = A
        a.options['replication.pause'] = 'auto'
        a.start()
        self.until(lambda: not a.ctl('status')[0]['replication']['paused'], 'the pause to end')
        self.assertEqual({n: r['owner'] for n, r in a.records().items()},
                         {'ALPHA<20>': 'self', 'BETA<20>': 'self', 'GAMMA<20>': 'self'})
        client.register(Name('DELTA'))
        self.assertGreater(a.records()['DELTA<20>']['version'], 3)
        self.pull(b)
        self.assertEqual(client.resolve(Name('DELTA'), server=B), [CLIENT])


class Operation(Replication):
    def test_convergence_tells_who_lacks_what(self):
        a, b = self.pair()
        self.pull(a)
        self.pull(b)
        done = a.run_ctl('convergence')
        self.assertEqual((done.returncode, 'same of all' in done.stdout), (0, True), done.stdout)
        self.client().register(Name('ALPHA'))
        self.pull(a)  # so that it sees B's table
        done = a.run_ctl('--json', 'convergence')
        self.assertEqual(done.returncode, 1)
        told = json.loads(done.stdout)
        self.assertFalse(told['equal'])
        owner, = [o for o in told['owners'] if o['owner'] == A]
        self.assertEqual([(l['server'], l['lacks']) for l in owner['lacking']], [(B, 1)])
        self.assertIn(B, a.run_ctl('convergence').stdout)
        self.pull(b)
        self.pull(a)
        self.assertEqual(a.run_ctl('convergence').returncode, 0)

    def test_convergence_says_whom_nobody_reached(self):
        a = self.server(A, partner(B, pull_interval=0), **{'replication.message-timeout': '1s'})
        done = a.run_ctl('convergence')
        self.assertEqual((done.returncode, done.stdout), (1, f'What {B} has is not known yet.\n'))

    def test_partners_are_shown(self):
        a, b = self.pair()
        self.client().register(Name('ALPHA'))
        self.pull(b)
        shown, = b.ctl('partners')
        self.assertEqual((shown['address'], shown['error'], shown['lag'], shown['records-in'],
                          shown['minor-version']), (A, '', 0, 1, 5))
        self.assertIsNotNone(shown['last-pull'])
        self.assertIn('1 partner, 0 of them failing', b.run_ctl('status').stdout)
        a.end()
        self.assertEqual(b.run_ctl('replicate', 'now').returncode, 1)
        shown, = b.ctl('partners')
        self.assertEqual(shown['state'], 'failed')
        self.assertGreater(shown['failures'], 0)
        self.assertNotEqual(shown['error'], '')

    def test_owners_tell_what_is_known(self):
        a, b = self.pair()
        self.client().register(Name('ALPHA'))
        self.pull(b)
        self.assertEqual(b.ctl('owners'), [
            {'owner': A, 'records': 1, 'lowest-version': 1, 'highest-version': 1,
             'known-version': 1, 'highest-anywhere': 1, 'highest-at': B, 'blocked': False}])

    def test_delete_owner(self):
        a, b = self.pair()
        client = self.client()
        client.register(Name('ALPHA'))
        self.pull(b)
        self.assertIn('is this server itself', b.run_ctl('delete-owner', B).stderr)
        self.assertIn('is no owner', b.run_ctl('delete-owner', C).stderr)
        b.ctl('delete-owner', A)
        self.assertEqual(b.records(), {})
        self.assertEqual(self.pull(b), 1)  # as the manual says
        b.ctl('delete-owner', A, '--tombstone')
        record = b.records()['ALPHA<20>']
        self.assertEqual((record['owner'], record['state']), ('self', 'tombstone'))

    def test_verify_drops_what_the_owner_has_no_more(self):
        a, b = self.pair()
        client = self.client()
        for name in 'ALPHA', 'BETA':
            client.register(Name(name))
        self.pull(b)
        a.ctl('delete', 'ALPHA<20>')  # unlike a tombstone that does not travel
        self.pull(b)
        self.assertTrue(self.has(b, 'ALPHA<20>'))
        b.ctl('verify', A)
        self.until(lambda: not self.has(b, 'ALPHA<20>'), 'the verification')
        self.assertTrue(self.has(b, 'BETA<20>'))
        self.assertIn('is no server whose records are here', b.run_ctl('verify', C).stderr)

    def test_blocked_owner_is_not_taken(self):
        a, b = self.pair(**{'replication.block-owners': A})
        self.client().register(Name('ALPHA'))
        self.pull(b)
        self.assertEqual(b.records(), {})
        host = self.lab.host('conf', C)
        server = self.winsd(host, **{'replication.block-owners': A,
                                     'replication.accept-owners': B})
        server.launch()
        self.assertEqual(server.process.popen.wait(30), 2)
        self.assertIn('only one of the two can be given', server.output())

    def test_servers_find_each_other_by_multicast(self):
        """In one network; announcements are at least 40 minutes apart, so the second one tells."""
        options = {'replication.discover': 'true', 'replication.pull-at-start': 'true'}
        a = self.server(A, **options)
        host = self.lab.host('near', '192.0.2.20')
        b = self.winsd(host, **options)
        b.start()
        self.until(lambda: [p['address'] for p in a.ctl('partners')] == ['192.0.2.20'],
                   'the announcement to be heard')
        self.assertTrue(a.ctl('partners')[0]['self-found'])
        b.end()
        self.until(lambda: a.ctl('partners') == [], 'the end to be announced')


if __name__ == '__main__':
    tap.main()
