# SPDX-License-Identifier: Apache-2.0
"""netbtd on a host with three cards, and the node that winsd hosts: names are registered on every card,
and released on every one of them whatever ends them. Spec: netbt 1.6, 2.4, 3.1, 3.5; KB Q184832."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, peers, tap
from lib.case import LabCase, ServerCase
from lib.netbios import Name
from lib.netbtd import Netbtd
from lib.node import Node
from lib.winsd import ENDS_IN

SERVER = '192.0.2.10'
CARDS = ['192.0.2.21', '198.51.100.21', '203.0.113.21']
UNIQUE = ['MULTI<00>', 'MULTI<20>']
PROGRAMS = ['nmblookup', 'nbtscan']
NAMES = UNIQUE + ['WORKGROUP<00>']


def looked_up(host, wanted, *words):
    """nmblookup's output, once it has what is wanted: it waits for a moment only."""
    def said():
        done = host.run('nmblookup', '-s', '/dev/null', *words)
        return wanted in done.stdout and done.stdout
    return lab.wait_until(said, 10, f'nmblookup to say {wanted}')


class NodeCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.host('multi', *CARDS)

    def netbtd(self, **options):
        node = Netbtd(self.host, **{'name': 'MULTI', 'services': 'workstation,server',
                                    'wins-servers': SERVER, **options})
        self.addCleanup(self.check_server, node)
        return node

    def registered(self, **options):
        node = self.netbtd(**options).start()
        node.wait_for(NAMES, CARDS)
        return node

    def held(self, name):
        """What the server answers with: the addresses of an active name, none of another."""
        record = self.server.records().get(name)
        if not record or record['state'] != 'active':
            return []
        return sorted(a['address'] for a in record['addresses'])

    def wait_until_held(self, name, addresses):
        lab.wait_until(lambda: self.held(name) == sorted(addresses), 20, f'{name} on {addresses}')

    def requests_from(self, address):
        return self.capture.seen(lambda f: f.src == address and not f.message.response)

    def put_off(self, since=0):
        """How many claims were answered with a WACK, however often they were said, in the packets
        behind so many."""
        return len({(f.dst, f.message.id) for f in self.capture.seen()[since:]
                    if f.src == SERVER and f.message.opcode == netbios.WACK})


class ThreeCards(NodeCase):
    def test_every_name_is_registered_on_every_card(self):
        self.registered()
        for name in UNIQUE:
            self.assertEqual(self.held(name), sorted(CARDS))
        self.assertEqual(self.server.records()['WORKGROUP<00>']['type'], 'group')

    def test_the_end_releases_every_name_on_every_card(self):
        node = self.registered()
        begun = time.monotonic()
        self.assertEqual(node.end(), 0)
        self.assertLess(time.monotonic() - begun, ENDS_IN)
        for name in NAMES:
            self.assertEqual(self.server.records()[name]['state'], 'released')
        self.assertFalse(node.state_file.exists())
        for card in CARDS:
            released = {str(f.message.name) for f in self.requests_from(card)
                        if f.message.opcode == netbios.RELEASE}
            self.assertEqual(len(released), len(NAMES), card)

    def test_after_a_stop_the_next_start_is_as_the_first(self):
        """The first card's claim meets nobody; those of the others are challenged and join."""
        self.registered().end()
        first, packets = self.put_off(), len(self.capture.seen())
        self.registered()
        self.assertEqual(self.put_off(packets), first)
        refused = self.capture.seen(lambda f: f.src == SERVER and f.message.rcode == netbios.ACT)
        self.assertEqual(refused, [])

    def test_a_name_comes_and_goes_with_its_users(self):
        node = self.registered()
        for _ in range(2):
            node.ctl('node', 'add', 'SQL<2A>', '--wait')
        self.assertEqual(self.held('SQL<2A>'), sorted(CARDS))
        node.ctl('node', 'remove', 'SQL<2A>', '--wait')
        self.assertEqual(self.held('SQL<2A>'), sorted(CARDS))
        node.ctl('node', 'remove', 'SQL<2A>', '--wait')
        self.assertEqual(self.held('SQL<2A>'), [])
        self.assertEqual(node.run_ctl('node', 'remove', 'SQL<2A>').returncode, 1)

    def test_names_are_away_while_the_machine_sleeps(self):
        node = self.registered()
        node.ctl('node', 'suspend')
        self.assertEqual([self.held(name) for name in UNIQUE], [[], []])
        node.ctl('node', 'resume')
        node.wait_for(NAMES, CARDS)
        self.assertEqual(self.held(UNIQUE[1]), sorted(CARDS))

    def test_interfaces_that_are_left_out_register_nothing(self):
        node = self.netbtd(interfaces='!198.51.100.0/24,!eth2').start()
        node.wait_for(NAMES, CARDS[:1])
        self.assertEqual(self.held(UNIQUE[0]), CARDS[:1])
        self.assertEqual(self.requests_from(CARDS[1]) + self.requests_from(CARDS[2]), [])

    def test_an_advertised_address_is_registered_and_released_instead_of_the_cards(self):
        node = self.netbtd(interfaces='eth0', advertise='eth0=203.0.113.99').start()
        node.wait_for(NAMES, ['203.0.113.99'])
        self.assertEqual(self.held(UNIQUE[0]), ['203.0.113.99'])
        node.end()

    def test_a_reload_takes_names_and_interfaces_over(self):
        node = self.registered()
        del node.options['node.services'], node.options['node.name']
        node.end()
        node.conf.write_text('node:\n  name: MULTI\n  services: [workstation, server]\n')
        node.start()
        node.wait_for(NAMES, CARDS)
        node.conf.write_text('node:\n  name: MULTI\n  services: [server, messenger]\n'
                             '  interfaces: ["!eth1"]\n')
        node.ctl('reload')
        node.wait_for(['MULTI<20>', 'MULTI<03>'], [CARDS[0], CARDS[2]])
        self.wait_until_held('MULTI<03>', [CARDS[0], CARDS[2]])
        self.wait_until_held('MULTI<00>', [])


    def test_lmhosts_is_read_and_its_mistakes_are_told(self):
        lmhosts = self.host.path('lmhosts')
        lmhosts.write_text('192.0.2.99 PRINTER #PRE\nnonsense\n')
        node = self.registered(lmhosts=lmhosts)
        found = node.ctl('node', 'resolve', 'PRINTER<20>')[0]
        self.assertEqual(found['addresses'], ['192.0.2.99'])
        self.assertIn(f'{lmhosts}, line 2', node.output())

    def test_a_fifo_in_lmhosts_does_not_keep_the_start_waiting(self):
        lmhosts, fifo = self.host.path('lmhosts'), self.host.path('fifo')
        os.mkfifo(fifo)
        lmhosts.write_text(f'#INCLUDE {fifo}\n#INCLUDE /dev/zero\n192.0.2.99 PRINTER #PRE\n')
        node = self.registered(lmhosts=lmhosts)
        self.assertEqual(node.ctl('node', 'resolve', 'PRINTER<20>')[0]['addresses'], ['192.0.2.99'])
        for line in 1, 2:
            self.assertIn(f'{lmhosts}, line {line}: the file cannot be read: not a regular file',
                          node.output())

    def test_a_fifo_as_lmhosts_is_reported(self):
        lmhosts = self.host.path('lmhosts')
        os.mkfifo(lmhosts)
        node = self.registered(lmhosts=lmhosts)
        self.assertIn(f'{lmhosts}: the file cannot be read: not a regular file', node.output())


class Trouble(NodeCase):
    """A card or a server goes, and comes back. An address that is gone may be the first to be asked, in
    vain: for 14 s, which is also what those that are left have for their answer."""

    options = {'challenge_interval': '2s'}

    def test_a_lost_cable_disturbs_no_other_card(self):
        node = self.registered()
        node.wait_for(NAMES, CARDS)
        before = [len(self.requests_from(card)) for card in CARDS]
        self.host.link('eth1', 'down')
        node.wait_for(NAMES, [CARDS[0], CARDS[2]])
        self.assertEqual([len(self.requests_from(c)) for c in (CARDS[0], CARDS[2])],
                         [before[0], before[2]])
        self.assertEqual(len(node.ghosts()), len(NAMES))
        self.host.link('eth1', 'up')
        node.wait_for(NAMES, CARDS)
        lab.wait_until(lambda: node.ghosts() == [], 10, 'no ghost')
        self.wait_until_held(UNIQUE[0], CARDS)

    def test_a_cable_that_is_out_at_the_end_leaves_ghosts_that_the_next_start_releases(self):
        node = self.registered()
        self.host.link('eth1', 'down')
        node.wait_for(NAMES, [CARDS[0], CARDS[2]])
        node.end()
        self.assertEqual(self.held(UNIQUE[1]), [CARDS[1]])
        self.assertEqual(len(node.state_file.read_text().splitlines()), 1 + len(NAMES))
        self.host.link('eth1', 'up')
        node.options['node.services'] = 'messenger'
        node.start()
        self.wait_until_held(UNIQUE[1], [])
        lab.wait_until(lambda: node.ghosts() == [], 10, 'no ghost')

    def test_primary_and_secondary_with_a_cut_and_a_restart_in_between_keep_no_ghost(self):
        """The primary holds the names; it restarts while a card is cut off and the service stopped."""
        second = self.winsd(self.lab.host('second', '192.0.2.11')).start()
        node = self.registered(**{'wins-servers': f'{SERVER},{second.address}'})
        self.host.link('eth2', 'down')
        node.wait_for(NAMES, CARDS[:2])
        node.end()
        self.server.restart('kill9')
        self.assertEqual(self.held(UNIQUE[1]), [CARDS[2]])
        self.host.link('eth2', 'up')
        node.start()
        node.wait_for(NAMES, CARDS)
        self.wait_until_held(UNIQUE[1], CARDS)
        node.end()
        for name in NAMES:
            self.assertEqual(self.server.records()[name]['state'], 'released')
        for name, record in second.records().items():
            self.assertNotEqual(record['state'], 'active', name)

    def test_a_new_address_replaces_the_old_one_which_goes_when_it_is_back(self):
        node = self.registered()
        lab.ip('-n', 'multi', 'addr', 'del', f'{CARDS[2]}/24', 'dev', 'eth2')
        lab.ip('-n', 'multi', 'addr', 'add', '203.0.113.77/24', 'brd', '+', 'dev', 'eth2')
        node.wait_for(NAMES, CARDS[:2] + ['203.0.113.77'])
        self.wait_until_held(UNIQUE[0], CARDS[:2] + ['203.0.113.77'])
        node.end()

    def test_a_silent_server_keeps_nobody_from_ending_and_is_told_at_the_next_start(self):
        node = self.registered(server_timeout='1min')
        self.server.kill9()
        begun = time.monotonic()
        self.assertEqual(node.end(), 0)
        self.assertLess(time.monotonic() - begun, ENDS_IN)
        self.assertEqual(len(node.state_file.read_text().splitlines()), 1 + 3 * len(NAMES))
        self.server.start()
        self.assertEqual(self.held(UNIQUE[1]), sorted(CARDS))
        node.options['node.services'] = 'messenger'
        node.start()
        for name in UNIQUE:
            self.wait_until_held(name, [])
        lab.wait_until(lambda: node.ghosts() == [], 10, 'no ghost')

    def test_names_of_a_killed_daemon_are_released_by_the_next_one_that_lacks_them(self):
        node = self.registered()
        lab.wait_until(lambda: node.state_file.exists()
                       and len(node.state_file.read_text().splitlines()) == 1 + 3 * len(NAMES),
                       5, 'the file to be written')
        node.kill9()
        node.options['node.services'] = 'workstation'
        node.start()
        node.wait_for(['MULTI<00>', 'WORKGROUP<00>'], CARDS)
        self.wait_until_held('MULTI<20>', [])
        self.assertEqual(self.held('MULTI<00>'), sorted(CARDS))

    def test_a_rival_gets_the_name_only_after_the_end(self):
        node = self.registered()
        rival = Node(self.lab.host('rival', '192.0.2.50'), SERVER)
        self.assertEqual(rival.register(Name('MULTI', 0x20)).rcode, netbios.ACT)
        node.wait_for(NAMES, CARDS)
        node.end()
        self.assertEqual(rival.register(Name('MULTI', 0x20)).rcode, netbios.OK)


class Foreign(NodeCase):
    def test_nmblookup_and_nbtscan_read_the_node_status(self):
        self.registered()
        asker = self.lab.host('asker', '192.0.2.60')
        found = peers.nbtscan_names(asker, CARDS[0])
        self.assertEqual(sorted(found), [('MULTI', 0x00, True), ('MULTI', 0x20, True),
                                         ('WORKGROUP', 0x00, False)])
        said = looked_up(asker, 'MULTI           <20>', '-A', CARDS[0])
        self.assertNotIn('00-00-00-00-00-00', said)
        looked_up(asker, f'{CARDS[0]} MULTI<20>', '-B', '192.0.2.255', 'MULTI#20')


class Hosted(LabCase):
    """winsd and the node of its own machine share port 137."""

    def setUp(self):
        super().setUp()
        self.host = self.lab.host('server', SERVER, '198.51.100.10')
        self.addresses = [SERVER, '198.51.100.10']
        self.other = Node(self.lab.host('other', '192.0.2.50'), SERVER)

    def start(self, **options):
        server = self.winsd(self.host, **{'node.name': 'wins1', 'node.resolve-socket': '',
                                          'node.services': 'workstation,server', **options})
        server.start()
        lab.wait_until(lambda: self.states(server) == {'Registered'}, 20, 'names to be registered')
        return server

    def states(self, server):
        return {e['state'] for e in server.ctl('node', 'list')}

    def check(self, server):
        records = server.records()
        for name in ('WINS1<00>', 'WINS1<20>'):
            self.assertEqual((records[name]['state'], sorted(a['address'] for a in
                                                             records[name]['addresses'])),
                             ('active', self.addresses))
        self.assertEqual(sorted(self.other.resolve(Name('WINS1', 0x20))), self.addresses)
        self.assertEqual(self.other.register(Name('WINS1', 0x20)).rcode, netbios.ACT)
        self.assertEqual(self.other.register(Name('OTHER', 0x20)).rcode, netbios.OK)

    def test_its_own_names_are_on_all_cards_and_defended(self):
        self.check(self.start())

    def test_the_same_on_single_addresses(self):
        self.check(self.start(listen=','.join(self.addresses), workers=2))

    def test_the_end_releases_them_before_the_server_goes(self):
        server = self.start()
        self.assertEqual(server.end(), 0)
        server.options['node.name'] = ''
        server.start()
        self.assertEqual({r['state'] for r in server.records().values()}, {'released'})

    def test_a_restart_after_a_kill_joins_all_cards_again(self):
        server = self.start()
        server.kill9()
        server.start()
        lab.wait_until(lambda: self.states(server) == {'Registered'}, 20, 'names again')
        self.check(server)

    def test_broadcasts_are_the_nodes(self):
        for options in {}, {'listen': ','.join(self.addresses)}:
            server = self.start(**options)
            host = self.lab.hosts['other']
            looked_up(host, f'{SERVER} WINS1<20>', '-B', '192.0.2.255', 'WINS1#20')
            looked_up(host, 'WINS1           <20>', '-A', SERVER)
            server.end()

    def test_without_a_name_node_packets_are_dropped_as_ever(self):
        server = self.winsd(self.host)
        server.start()
        self.assertEqual(server.run_ctl('node', 'list').returncode, 1)
        done = self.lab.hosts['other'].run('nmblookup', '-s', '/dev/null', '-A', SERVER)
        self.assertNotIn('<20>', done.stdout)
        self.assertGreaterEqual(server.stats()['drops']['not-for-us'], 1)


if __name__ == '__main__':
    tap.main(PROGRAMS)
