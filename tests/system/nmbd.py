# SPDX-License-Identifier: Apache-2.0
"""Samba's nmbd as a client: its names appear, resolve through Samba's and nbtscan's eyes, are
defended, and go away with it. Spec: wins 2.3, 2.4, 2.7, 2.8; netbt 3.3, 3.7."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, peers, tap
from lib.case import SILENCE, ServerCase
from lib.netbios import Name
from lib.node import Node

GROUP_ANSWER = '255.255.255.255'
SERVER = '192.0.2.10'
FIRST, SECOND, ASKER = '192.0.2.31', '198.51.100.32', '203.0.113.5'
PROGRAMS = ['nmbd', 'nmblookup', 'net', 'nbtscan']
# nmbd tries three times, 2 s apart, and waits for WACKs; machines of continuous integration are slow.
SETTLE = 45


class NmbdCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.first_host = self.lab.host('first', FIRST)
        self.asker_host = self.lab.host('asker', ASKER)
        self.asker = Node(self.asker_host, self.server.address)

    def nmbd(self, host, name, **more):
        return peers.Nmbd(host, name, SERVER, **more)

    def resolve(self, name):
        return self.asker.resolve(Name(*name))

    def wait_for(self, name, ips):
        lab.wait_until(lambda: self.resolve(name) == ips, SETTLE, f'{name} to be {ips}')

    def wait_for_names(self, nmbd, address):
        for name in nmbd.unique_names:
            self.wait_for(name, [address])
        for name in nmbd.group_names:
            self.wait_for(name, [GROUP_ANSWER])

    def looked_up(self, name):
        return peers.nmblookup(self.asker_host, SERVER, *name)


class Client(NmbdCase):
    def between(self):
        """Where the restarted variants restart."""

    def start(self):
        nmbd = self.nmbd(self.first_host, 'FIRSTPC').start()
        self.wait_for_names(nmbd, FIRST)
        self.between()
        return nmbd

    def test_registered_names_resolve_through_nmblookup_and_net_lookup(self):
        nmbd = self.start()
        for name in nmbd.unique_names:
            self.assertEqual(self.looked_up(name), [FIRST], name)
        for name in nmbd.group_names:
            self.assertEqual(self.looked_up(name), [GROUP_ANSWER], name)
        conf = peers.write_smb_conf(self.asker_host.path('samba'), {
            'wins server': SERVER, 'name resolve order': 'wins',
            'interfaces': f'{ASKER}/24', 'bind interfaces only': 'yes'})
        self.assertEqual(peers.net_lookup(self.asker_host, conf, 'FIRSTPC', 0x20), [FIRST])

    def test_nbtscan_of_the_client_agrees_with_the_server(self):
        self.start()
        scanned = peers.nbtscan_names(self.asker_host, FIRST)
        self.assertIn(('FIRSTPC', 0x20, True), scanned)
        for name, suffix, unique in scanned:
            expected = [FIRST] if unique else [GROUP_ANSWER]
            self.assertEqual(self.resolve((name, suffix)), expected, (name, suffix))

    def test_names_are_released_when_the_client_ends(self):
        nmbd = self.start()
        nmbd.end()
        for name in nmbd.unique_names:
            self.wait_for(name, None)  # it does not wait for the answers
            self.assertEqual(self.looked_up(name), [], name)
        for name in nmbd.group_names:
            self.assertEqual(self.looked_up(name), [GROUP_ANSWER], name)


class ClientKill(Client):
    HOW = 'kill9'

    def between(self):
        """Nothing goes back. What the client says meanwhile may add to it."""
        before = self.server.versions()
        self.server.restart(self.HOW)
        after = self.server.versions()
        self.assertEqual({n: v for n, v in before.items() if after.get(n, 0) < v}, {})


class ClientOrderlyRestart(ClientKill):
    HOW = 'end'


class TwoOfOneName(NmbdCase):
    """In different nets, so that only the server stands between them."""

    NAME = 'SAMENAME'
    HOW = None  # to restart the server in between

    def setUp(self):
        super().setUp()
        self.second_host = self.lab.host('second', SECOND)
        self.first = self.nmbd(self.first_host, self.NAME).start()
        self.wait_for_names(self.first, FIRST)

    def between(self):
        if self.HOW:
            self.server.restart(self.HOW)

    def refusals(self):
        return [m for m in self.answers_to(SECOND)
                if m.opcode == netbios.REGISTER and m.rcode == netbios.ACT and m.name.suffix == 0x20]

    def probes(self, name):
        return self.capture.seen(lambda f: f.src == SERVER and f.dst == FIRST
                                 and not f.message.response and f.message.name == name)


class TheFirstLives(TwoOfOneName):
    def test_second_is_refused_after_a_challenge_while_the_first_lives(self):
        self.between()
        second = self.nmbd(self.second_host, self.NAME).start()
        lab.wait_until(self.refusals, SETTLE, 'the refusal')
        name = Name(self.NAME, 0x20)
        self.assertEqual(self.resolve((self.NAME, 0x20)), [FIRST])
        wacks = [m for m in self.answers_to(SECOND)
                 if m.opcode == netbios.WACK and m.name == name]
        self.assertGreaterEqual(len(wacks), 1)
        probes = self.probes(name)
        self.assertGreaterEqual(len(probes), 1)
        for probe in probes:
            self.assertEqual((probe.sport, probe.dport, probe.message.flags), (137, 137, 0))
        self.assertTrue(self.first.process.running and second.process.running)


class TheFirstIsGone(TwoOfOneName):
    options = SILENCE

    def test_second_gets_the_name_when_the_first_was_killed(self):
        self.first.die()
        self.between()
        self.nmbd(self.second_host, self.NAME).start()
        for suffix in (0x00, 0x03, 0x20):
            self.wait_for((self.NAME, suffix), [SECOND])
        self.assertGreaterEqual(len(self.probes(Name(self.NAME, 0x20))), 1)

    def test_second_gets_the_name_when_the_first_lost_its_network(self):
        self.first_host.link('eth0', 'down')
        self.between()
        self.nmbd(self.second_host, self.NAME).start()
        for suffix in (0x00, 0x03, 0x20):
            self.wait_for((self.NAME, suffix), [SECOND])


class TheFirstLivesKill(TheFirstLives):
    HOW = 'kill9'


class TheFirstLivesOrderlyRestart(TheFirstLives):
    HOW = 'end'


class TheFirstIsGoneKill(TheFirstIsGone):
    HOW = 'kill9'


class TheFirstIsGoneOrderlyRestart(TheFirstIsGone):
    HOW = 'end'


class DomainController(NmbdCase):
    def test_primary_domain_controller_brings_1b_and_1c(self):
        self.nmbd(self.first_host, 'PDC', workgroup='DOMAIN', pdc=True).start()
        self.wait_for(('DOMAIN', 0x1B), [FIRST])
        self.wait_for(('DOMAIN', 0x1C), [FIRST])
        self.assertEqual(self.looked_up(('DOMAIN', 0x1C)), [FIRST])

    def test_1c_answer_lists_the_holder_of_1b_first(self):
        self.nmbd(self.first_host, 'PDC', workgroup='DOMAIN', pdc=True).start()
        self.wait_for(('DOMAIN', 0x1C), [FIRST])
        # A member registered later would come first without the rule.
        later = Node(self.lab.host('later', SECOND), SERVER)
        self.assertEqual(later.register_group(Name('DOMAIN', 0x1C)).rcode, netbios.OK)
        self.assertEqual(self.resolve(('DOMAIN', 0x1C)), [FIRST, SECOND])

    def test_domain_names_are_released_when_it_ends(self):
        pdc = self.nmbd(self.first_host, 'PDC', workgroup='DOMAIN', pdc=True).start()
        self.wait_for(('DOMAIN', 0x1B), [FIRST])
        self.wait_for(('DOMAIN', 0x1C), [FIRST])
        pdc.end()
        self.wait_for(('DOMAIN', 0x1B), None)
        self.wait_for(('DOMAIN', 0x1C), None)


if __name__ == '__main__':
    tap.main(PROGRAMS)
