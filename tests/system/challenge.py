# SPDX-License-Identifier: Apache-2.0
"""The challenge on the wire: whom the server asks, how often, whose answer counts. Spec: wins 2.4,
2.5; netbt 3.4, 8.2 no. 1, 8.3 no. 4 and 5."""

import os
import sys
from contextlib import ExitStack

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import SILENCE, ServerCase
from lib.netbios import Name
from lib.node import Asked, Node

SERVER = '192.0.2.10'
A, B, C, NOBODY = '192.0.2.111', '198.51.100.112', '203.0.113.113', '198.51.100.200'
# Behind the router, so that what is sent there is seen; nobody answers.
NAME = Name('CONTESTED')


class ChallengeCase(ServerCase):
    ADDRESSES = [SERVER, '203.0.113.10']

    def setUp(self):
        super().setUp()
        self.a, self.b, self.c = (Node(self.lab.host(n, ip), SERVER)
                                  for n, ip in (('a', A), ('b', B), ('c', C)))

    def probes(self, address=None):
        return self.capture.seen(lambda f: f.src in self.server_host.addresses
                                 and not f.message.response and address in (None, f.dst))

    def claim(self, ip=B):
        """(opcode, rcode) of what the claimant hears."""
        return [(m.opcode, m.rcode) for m in self.b.request(netbios.REGISTER, NAME, ip)]

    REFUSED = [(netbios.WACK, netbios.OK), (netbios.REGISTER, netbios.ACT)]
    GRANTED = [(netbios.WACK, netbios.OK), (netbios.REGISTER, netbios.OK)]


class SilentOwner(ChallengeCase):
    options = SILENCE

    def test_silent_owner_is_asked_three_times_with_one_id(self):
        self.a.register(NAME, NOBODY)
        self.assertEqual(self.claim(), self.GRANTED)
        probes = self.probes()
        self.assertEqual([p.dst for p in probes], [NOBODY] * 3)
        self.assertEqual(len({p.message.id for p in probes}), 1)

    def test_broadcast_address_of_a_net_is_never_asked(self):
        self.a.register(NAME, '192.0.2.255')
        self.claim()
        self.assertEqual(self.probes('192.0.2.255'), [])

    def test_silences_that_end_while_no_packet_comes_are_all_answered(self):
        # One after the other: the server, which has nothing else to do, must not rest (it asserts
        # that) while what the last one changed is on its way to the disk.
        names = [Name(f'SILENT{i}') for i in range(40)]
        for name in names:
            self.a.register(name, NOBODY)
        with ExitStack() as stack:
            asked = [stack.enter_context(Asked(self.b, netbios.request(0x4000 + i, netbios.REGISTER,
                                                                       name, B)))
                     for i, name in enumerate(names)]
            self.assertEqual({one.answers()[-1].rcode for one in asked}, {netbios.OK})


class Challenge(ChallengeCase):
    def test_wack_tells_as_much_time_as_silence_would_take(self):
        self.a.own(NAME, [A])
        self.a.register(NAME)
        wack, _ = self.b.request(netbios.REGISTER, NAME)
        self.assertGreaterEqual(wack.ttl, 10 + 20 + 40)

    def test_owner_that_says_no_loses_the_name_at_the_first_question(self):
        self.a.register(NAME)
        self.a.disown(NAME)
        self.assertEqual(self.claim(), self.GRANTED)
        self.assertEqual(len(self.probes()), 1)
        self.assertEqual(self.c.resolve(NAME), [B])

    def test_answer_from_somebody_else_with_the_right_id_does_not_count(self):
        self.a.register(NAME)
        with Asked(self.b, netbios.request(0x6161, netbios.REGISTER, NAME, B)) as asked:
            probe = self.a.challenge()
            self.c.send(netbios.negative_query_response(probe.id, NAME))
            self.c.fence()
            self.a.send(netbios.positive_query_response(probe.id, NAME, [A]))
            self.assertEqual(asked.answers()[-1].rcode, netbios.ACT)
        self.assertEqual(self.c.resolve(NAME), [A])
        self.assertGreaterEqual(self.server.stats()['counters']['probe-answers-ignored'], 1)

    def test_answer_with_the_wrong_id_or_name_does_not_count(self):
        self.a.register(NAME)
        with Asked(self.b, netbios.request(0x6262, netbios.REGISTER, NAME, B)) as asked:
            probe = self.a.challenge()
            self.a.send(netbios.negative_query_response(probe.id ^ 1, NAME))
            self.a.send(netbios.negative_query_response(probe.id, Name('ANOTHER')))
            self.a.send(netbios.positive_query_response(probe.id, NAME, [A]))
            self.assertEqual(asked.answers()[-1].rcode, netbios.ACT)

    def test_addresses_that_cannot_own_a_name_are_never_asked(self):
        for ip in ('0.0.0.0', '255.255.255.255', '224.0.0.5', '127.0.0.1', SERVER,
                   '203.0.113.10'):
            with self.subTest(ip):
                name = Name(ip.replace('.', '-'))
                self.assertEqual(self.a.register(name, ip).rcode, netbios.OK)
                answers = self.b.request(netbios.REGISTER, name)
                self.assertEqual([(m.opcode, m.rcode) for m in answers],
                                 [(netbios.REGISTER, netbios.OK)])
        self.assertEqual(self.probes(), [])

    def test_ids_of_challenges_cannot_be_foreseen(self):
        for number in range(24):
            name = Name(f'ID{number}')
            self.a.own(name, [A])
            self.a.register(name)
            self.b.register(name)
        ids = [p.message.id for p in self.probes()]
        steps = {(y - x) & 0xFFFF for x, y in zip(ids, ids[1:])}
        self.assertEqual(len(ids), 24)
        self.assertGreater(len(set(ids)), 22)
        self.assertGreater(len(steps), 20)

    def test_claim_repeated_after_its_end_gets_the_same_answer(self):
        self.a.own(NAME, [A])
        self.a.register(NAME)
        packet = netbios.request(0x6363, netbios.REGISTER, NAME, B)
        for _ in range(3):
            self.assertEqual(self.b.ask(packet)[-1].rcode, netbios.ACT)
        self.assertEqual(self.c.resolve(NAME), [A])

    def test_record_released_during_its_challenge_is_decided_anew(self):
        self.a.register(NAME)
        with Asked(self.b, netbios.request(0x6464, netbios.REGISTER, NAME, B)) as asked:
            probe = self.a.challenge()
            self.assertEqual(self.a.release(NAME).rcode, netbios.OK)
            self.a.send(netbios.positive_query_response(probe.id, NAME, [A]))
            self.assertEqual(asked.answers()[-1].rcode, netbios.OK)
        self.assertEqual(self.c.resolve(NAME), [B])


class FewChallenges(ServerCase):
    options = {**ServerCase.options, 'challenges_max': 1}

    def test_claim_past_the_bound_is_put_off_and_nobody_loses_a_name(self):
        a, b = (Node(self.lab.host(n, ip), SERVER) for n, ip in (('a', A), ('b', B)))
        names = [Name('ONE'), Name('TWO')]
        for name in names:
            a.register(name)
        with (Asked(b, netbios.request(0x100, netbios.REGISTER, names[0], B)) as first,
              Asked(b, netbios.request(0x101, netbios.REGISTER, names[1], B)) as second):
            lab.wait_until(lambda: second.come, 5, 'the second claim to be put off')
            a.send(netbios.negative_query_response(a.challenge().id, names[0]))
            self.assertEqual(first.answers()[-1].rcode, netbios.OK)
            b.fence()
            self.assertEqual([m.opcode for m in second.come], [netbios.WACK])
        self.assertEqual(a.resolve(names[1]), [A])
        self.assertEqual([message.name for message, _, _ in a.challenges], names[:1])
        a.disown(names[1])
        self.assertEqual(b.register(names[1]).rcode, netbios.OK)


class ListeningOnOne(ServerCase):
    ADDRESSES = [SERVER, '203.0.113.10']
    options = {**SILENCE, 'listen': SERVER}

    def test_address_of_the_machine_that_is_not_listened_on_is_asked(self):
        """Port 137 may belong to another program there, whose name must not be given away unasked."""
        node = Node(self.lab.host('a', A), SERVER)
        node.register(NAME, '203.0.113.10')
        answers = node.request(netbios.REGISTER, NAME)
        self.assertEqual([m.opcode for m in answers], [netbios.WACK, netbios.REGISTER])


if __name__ == '__main__':
    tap.main()
