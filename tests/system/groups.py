# SPDX-License-Identifier: Apache-2.0
"""Groups and the names with a rule of their own, seen from outside: normal groups, 1C, 1D, 1E, the
block list, case and scope. Spec: wins 1.2, 2.3, 2.6-2.8, 2.12; netbt 1.1, 3.3, 3.7."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import ServerCase
from lib.netbios import GROUP, Name
from lib.node import Asked, Node

EVERYBODY = '255.255.255.255'
A, B = '192.0.2.41', '198.51.100.42'


class Groups(ServerCase):
    def setUp(self):
        super().setUp()
        self.a = Node(self.lab.host('a', A), self.server.address)
        self.b = Node(self.lab.host('b', B), self.server.address)

    def entries(self, name):
        answer = self.b.query(name)
        return answer.entries if answer.rcode == netbios.OK else None

    def test_group_registered_by_two_answers_everybody(self):
        name = Name('TEAM', 0x00)
        for node in (self.a, self.b):
            answer = node.register_group(name)
            self.assertEqual((answer.flags, answer.ttl), (0xAD80, netbios.RENEWAL))
            self.assertEqual([(flags & GROUP, ip) for flags, ip in self.entries(name)],
                             [(GROUP, EVERYBODY)])

    def test_group_is_still_answered_after_its_release(self):
        name = Name('TEAM', 0x1E)
        self.a.register_group(name)
        self.assertEqual(self.a.release(name, nb_flags=GROUP).rcode, netbios.OK)
        self.assertEqual(self.b.resolve(name), [EVERYBODY])

    def test_unique_claim_of_a_group_is_refused_at_once(self):
        name = Name('TEAM', 0x00)
        self.a.register_group(name)
        answers = self.b.request(netbios.REGISTER, name)
        self.assertEqual([(a.opcode, a.rcode) for a in answers],
                         [(netbios.REGISTER, netbios.ACT)])

    def test_group_claim_of_a_defended_name_is_refused(self):
        name = Name('MINE', 0x00)
        self.a.own(name, [A])
        self.a.register(name)
        self.assertEqual(self.b.register_group(name).rcode, netbios.ACT)
        self.assertEqual(self.b.resolve(name), [A])

    def test_1d_is_acknowledged_and_never_resolves(self):
        name = Name('SEGMENT', 0x1D)
        self.assertEqual(self.a.register(name).flags, 0xAD80)
        self.assertEqual(self.b.register(name).flags, 0xAD80)
        self.assertIsNone(self.b.resolve(name))

    def test_1b_as_a_group_and_1c_and_1e_as_unique_are_refused(self):
        self.assertEqual(self.a.register_group(Name('DOM', 0x1B)).rcode, netbios.RFS)
        self.assertEqual(self.a.register(Name('DOM', 0x1C)).rcode, netbios.RFS)
        self.assertEqual(self.a.register(Name('DOM', 0x1E)).rcode, netbios.RFS)

    def test_1c_lists_its_members_and_loses_the_one_that_releases(self):
        name = Name('DOM', 0x1C)
        self.a.register_group(name)
        self.b.register_group(name)
        self.assertEqual(sorted(ip for _, ip in self.entries(name)), [A, B])
        self.assertTrue(all(flags & GROUP for flags, _ in self.entries(name)))
        self.b.release(name, nb_flags=GROUP)
        self.assertEqual([ip for _, ip in self.entries(name)], [A])
        self.a.release(name, nb_flags=GROUP)
        self.assertIsNone(self.entries(name))

    def test_1c_keeps_at_most_25_members(self):
        name = Name('BIG', 0x1C)
        members = [f'203.0.113.{n}' for n in range(1, 27)]
        for ip in members:
            self.assertEqual(self.a.register_group(name, ip).rcode, netbios.OK)
        found = [ip for _, ip in self.entries(name)]
        self.assertEqual(len(found), 25)
        self.assertIn(members[-1], found)

    def test_blocked_names_are_refused_and_do_not_resolve(self):
        for suffix in (0x00, 0x20):
            for text in ('WPAD', 'ISATAP'):
                self.assertEqual(self.a.register(Name(text, suffix)).rcode, netbios.RFS)
                self.assertIsNone(self.b.resolve(Name(text, suffix)))
        self.assertEqual(self.a.register(Name('WPADDLE', 0x00)).rcode, netbios.OK)

    def test_case_and_scope_make_other_names(self):
        names = [Name('ALPHA'), Name('alpha'), Name('ALPHA', scope='LAB'),
                 Name('ALPHA', scope='lab')]
        for last, name in enumerate(names, 60):
            self.assertIsNone(self.b.resolve(name))
            self.a.register(name, f'203.0.113.{last}')
        for last, name in enumerate(names, 60):
            self.assertEqual(self.b.resolve(name), [f'203.0.113.{last}'])

    def test_scope_of_237_characters_is_kept_and_238_is_a_server_failure(self):
        fits = '.'.join(['S' * 59] * 3 + ['T' * 57])
        self.assertEqual(len(fits), 237)
        self.assertEqual(self.a.register(Name('SCOPED', scope=fits)).rcode, netbios.OK)
        self.assertEqual(self.b.resolve(Name('SCOPED', scope=fits)), [A])
        past = Name('SCOPED', scope=fits + 'T')
        self.assertEqual(self.a.register(past).rcode, netbios.SRV)
        self.assertEqual(self.a.release(past).rcode, netbios.OK)

    def test_release_of_an_unknown_name_is_answered_positively(self):
        answer = self.a.release(Name('NEVERSEEN'))
        self.assertEqual((answer.flags, answer.ips), (0xB400, [A]))

    def test_refresh_of_an_unknown_name_registers_it(self):
        for opcode, text in ((netbios.REFRESH, 'EIGHT'), (netbios.REFRESH_ALT, 'NINE')):
            answer = self.a.request(opcode, Name(text))[-1]
            self.assertEqual((answer.flags, answer.ttl), (0xAD80, netbios.RENEWAL))
            self.assertEqual(self.b.resolve(Name(text)), [A])

    def test_repeated_claim_during_a_challenge_gets_one_final_answer(self):
        name = Name('CONTESTED')
        self.a.register(name)
        with Asked(self.b, netbios.request(0x7777, netbios.REGISTER, name, B)) as asked:
            for _ in range(3):
                asked.send()
            self.b.fence()  # all four are there, and the owner has said nothing yet
            self.a.send(netbios.positive_query_response(self.a.challenge().id, name, [A]))
            asked.answers()
            self.b.fence()  # whatever else it has to say
        self.assertEqual([(m.opcode, m.rcode) for m in self.answers_to(B) if m.id == 0x7777],
                         [(netbios.WACK, netbios.OK), (netbios.REGISTER, netbios.ACT)])

    def test_claim_whose_challenge_was_cut_by_kill_9_is_challenged_anew(self):
        name = Name('CONTESTED')
        self.a.register(name)
        packet = netbios.request(0x7778, netbios.REGISTER, name, B)
        self.b.send(packet)
        lab.wait_until(lambda: self.answers_to(B), 5, 'the WACK')
        self.server.restart('kill9')
        self.assertEqual(self.b.resolve(name), [A])
        self.a.own(name, [A])
        self.assertEqual([(m.opcode, m.rcode) for m in self.b.ask(packet)],
                         [(netbios.WACK, netbios.OK), (netbios.REGISTER, netbios.ACT)])
        self.assertEqual(self.b.resolve(name), [A])


if __name__ == '__main__':
    tap.main()
