# SPDX-License-Identifier: Apache-2.0
"""The multihome doctor and "winsctl doctor": each kind of finding comes up, is repaired or explained,
told as an event and counted; the options that steer it. Spec: netbt 3.4, 3.5 (KB Q184832)."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import SILENCE, ServerCase
from lib.netbios import Name
from lib.node import Node
from winsctl import REFUSED, WRONG_CALL, Raw

NAME = Name('TWOCARDS')
FIRST, SECOND, THIRD, OTHER = '192.0.2.21', '198.51.100.21', '203.0.113.21', '192.0.2.55'
SELF_GIVEN = '169.254.9.9'


class DoctorCase(ServerCase):
    options = {**ServerCase.options, 'half_release_delay': '1h'}
    CARDS = [FIRST, SECOND, THIRD]

    def setUp(self):
        super().setUp()
        self.node = Node(self.lab.host('twocards', *self.CARDS), self.server.address)
        self.other = Node(self.lab.host('other', OTHER), self.server.address)

    def claim(self, *ips, name=NAME):
        """Each address in a packet of its own, as Windows does; challenges name all."""
        self.node.own(name, ips)
        for ip in ips:
            source = ip if ip in self.node.sockets else FIRST
            self.assertEqual(self.node.multihomed(name, ip, source=source).rcode, netbios.OK)

    def release(self, ip):
        self.assertEqual(self.node.release(NAME, ip, source=ip).rcode, netbios.OK)

    def findings(self, *words):
        return self.server.ctl('doctor', *words)

    def finding(self):
        found, = self.findings()
        for part in ('what', 'why', 'repair', 'command'):
            self.assertTrue(found[part], found)
        self.assertIn(found['name'], found['command'])
        return found

    def repair(self, name='twocards#20'):
        return self.server.ctl('doctor', name, '--repair')[0]

    def settled(self):
        lab.wait_until(lambda: not self.findings(), 10, 'the doctor to find nothing')

    def gone(self):
        """The event comes with the decision, the answer to others once that is durable."""
        lab.wait_until(lambda: self.other.resolve(NAME) is None, 10, 'the name to be gone')

    def events(self):
        return [e['symbol'] for e in self.server.ctl('events')]

    def counter(self, name):
        return self.server.stats()['counters'][name]

    def told(self, symbol, times=1):
        lab.wait_until(lambda: self.events().count(symbol) >= times, 10, symbol)

    def reload(self, **options):
        text = ''.join(f'{k.replace("_", "-")}: {v}\n' for k, v in options.items())
        for key in options:
            self.server.options.pop(key.replace('_', '-'), None)
        self.server.conf.write_text(text)
        self.server.ctl('reload')


class Findings(DoctorCase):
    def test_nothing_wrong_is_said(self):
        self.claim(FIRST, SECOND)
        self.assertEqual(self.findings(), [])
        self.assertEqual(self.server.run_ctl('doctor').stdout, 'Nothing is known to be wrong.\n')

    def test_half_released_name_is_listed_and_repaired(self):
        self.claim(FIRST, SECOND, THIRD)
        self.release(FIRST)
        found = self.finding()
        self.assertEqual((found['finding'], found['name'], found['other-address'],
                          sorted(found['addresses'])),
                         ('half-released', 'TWOCARDS<20>', FIRST, [SECOND, THIRD]))
        self.assertIn('--repair', found['command'])
        self.assertRegex(self.server.run_ctl('doctor').stdout,
                         r'^TWOCARDS<20>: half-released, since (.|\n)*what: (.|\n)*repair: +asks')
        self.node.disown(NAME)
        self.assertEqual(self.repair()['asked'], True)
        self.settled()
        self.gone()
        self.told('GHOST_REMOVED', 2)
        self.assertEqual([self.counter(c) for c in
                          ('half-released', 'doctor-questions', 'doctor-disowned', 'doctor-removed')],
                         [1, 2, 2, 2])

    def test_name_of_which_the_host_has_the_rest_is_left_alone(self):
        self.claim(FIRST, SECOND)
        self.release(FIRST)
        self.node.own(NAME, [SECOND])
        self.repair()
        self.settled()
        self.assertEqual(self.other.resolve(NAME), [SECOND])
        self.assertEqual((self.counter('doctor-healthy'), self.counter('doctor-removed')), (1, 0))

    def test_card_that_is_not_refreshed_is_listed(self):
        self.reload(renewal_interval='40min')
        self.claim(FIRST, SECOND)
        self.reload(renewal_interval='6d')  # of which 40 minutes are less than a quarter
        self.node.refresh(NAME, FIRST, source=FIRST)
        found = self.finding()
        self.assertEqual((found['finding'], found['other-address'], found['addresses']),
                         ('half-refreshed', FIRST, [SECOND]))
        self.assertEqual(self.counter('half-refreshed'), 1)
        self.node.disown(NAME)
        self.repair()
        self.settled()
        self.gone()

    def test_two_hosts_with_one_name_are_listed_with_how_often(self):
        self.node.own(NAME, [FIRST])
        self.node.register(NAME, FIRST)
        for _ in range(2):
            self.assertEqual(self.other.register(NAME).rcode, netbios.ACT)
        found = self.finding()
        self.assertEqual((found['finding'], found['addresses'], found['other-address'],
                          found['count']), ('disputed', [FIRST], OTHER, 2))
        self.node.disown(NAME)  # the holder left; nobody refuses the other any more
        self.repair()
        self.settled()
        self.assertEqual(self.other.register(NAME).rcode, netbios.OK)

    def test_static_record_that_keeps_a_living_host_out_is_explained_and_stays(self):
        self.server.ctl('add', 'TWOCARDS#20', 'unique', '192.0.2.99')
        self.assertEqual(self.other.register(NAME).rcode, netbios.ACT)
        found = self.finding()
        self.assertEqual((found['finding'], found['addresses'], found['other-address'],
                          found['command']),
                         ('static-clash', ['192.0.2.99'], OTHER,
                          "winsctl --case delete 'TWOCARDS<20>'"))
        done = self.server.run_ctl('doctor', 'twocards#20', '--repair')
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn('static record', done.stderr)
        self.assertEqual(self.other.resolve(NAME), ['192.0.2.99'])
        self.server.ctl('delete', 'TWOCARDS#20')
        self.assertEqual(self.findings(), [])

    def test_static_record_whose_computer_lives_elsewhere_is_listed(self):
        self.server.ctl('add', 'TWOCARDS#00', 'unique', '192.0.2.99')
        self.server.ctl('add', 'FINE#00', 'unique', OTHER)
        self.server.ctl('add', 'FINE#03', 'unique', '192.0.2.98')
        self.other.register(Name('FINE', 0x20, scope='LAB'))  # another computer
        self.claim(FIRST, SECOND)
        found = self.finding()
        self.assertEqual((found['finding'], found['name'], found['other-name'],
                          found['other-address'], found['addresses']),
                         ('static-astray', 'TWOCARDS<00>', 'TWOCARDS<20>', FIRST, ['192.0.2.99']))

    def test_neighbours_of_a_static_name_are_found_behind_all_suffixes_and_scopes(self):
        """What strangers register under the same fifteen bytes hides nothing."""
        self.server.ctl('add', 'TWOCARDS#80', 'unique', '192.0.2.99')
        for suffix in (0x00, 0x7f, 0x80, 0x81):
            for scope in ('A', 'LAB', 'ZZZ'):
                self.other.register(Name('TWOCARDS', suffix, scope=scope))
        self.assertEqual(self.findings(), [])
        self.other.register(Name('TWOCARDS', 0xff))
        self.assertEqual(self.finding()['other-name'], 'TWOCARDS<FF>')

    def test_addresses_of_excluded_networks_are_listed_and_taken_away(self):
        self.claim(FIRST, SELF_GIVEN)
        domain = Name('DOMAIN', 0x1C)
        for ip in (OTHER, '169.254.9.10'):
            self.other.register_group(domain, ip)
        found = self.findings()
        self.assertEqual([(f['finding'], f['name'], f['addresses']) for f in found],
                         [('excluded-address', 'DOMAIN<1C>', ['169.254.9.10']),
                          ('excluded-address', 'TWOCARDS<20>', [SELF_GIVEN])])
        self.assertEqual(self.repair()['removed'], [SELF_GIVEN])
        self.assertEqual(self.other.resolve(NAME), [FIRST])
        answer = self.repair('domain#1c')
        self.assertEqual((answer['removed'], answer['asked']), (['169.254.9.10'], False))
        self.settled()
        self.told('ADDRESS_EXCLUDED', 2)
        self.assertEqual(self.counter('doctor-removed'), 2)
        self.assertEqual(self.server.run_ctl('doctor', 'domain#1c', '--repair').returncode, REFUSED)

    def test_excluded_networks_are_an_option_that_a_reload_changes(self):
        self.claim(FIRST, SECOND)
        self.server.ctl('add', 'FIX#20', 'unique', '198.51.100.7')
        self.reload(doctor_excluded_networks='[198.51.100.0/24, 10.0.0.0/8]')
        found = {f['name']: f for f in self.findings()}
        self.assertEqual({n: f['finding'] for n, f in found.items()},
                         {'FIX<20>': 'excluded-static', 'TWOCARDS<20>': 'excluded-address'})
        self.assertIn("delete 'FIX<20>'", found['FIX<20>']['command'])
        self.reload(doctor_excluded_networks='[]')
        self.assertEqual(self.findings(), [])

    def test_what_is_repaired_is_repaired_after_kill_9(self):
        self.claim(FIRST, SELF_GIVEN)
        self.repair()
        self.server.restart()
        self.assertEqual(self.other.resolve(NAME), [FIRST])


class Silent(DoctorCase):
    options = {}  # a reload changes only what no -o says

    def test_silent_address_is_doubtful_until_it_is_refreshed(self):
        self.reload(**DoctorCase.options)
        self.claim(FIRST, SECOND)
        self.reload(**{**DoctorCase.options, **SILENCE})
        self.release(FIRST)
        del self.node.owned[NAME]
        self.repair()
        lab.wait_until(lambda: self.findings()[0]['finding'] == 'doubtful', 10, 'doubt')
        self.assertEqual(self.finding()['addresses'], [SECOND])
        self.told('ADDRESS_DOUBTFUL')
        self.assertEqual(self.counter('doctor-doubtful'), 1)
        self.assertEqual(self.other.resolve(NAME), [SECOND])
        self.node.refresh(NAME, SECOND, source=SECOND)
        self.assertEqual(self.findings(), [])


class Listing(DoctorCase):
    CARDS = [FIRST]

    def excluded(self, count):
        for i in range(count):
            self.node.register(Name(f'HOST{i:04}'), SELF_GIVEN)
        return [f'HOST{i:04}<20>' for i in range(count)]

    def test_pages_join_to_the_whole_in_order(self):
        names = self.excluded(230)
        for name in ('ALPHA', 'ZULU'):
            self.server.ctl('add', f'{name}#20', 'unique', '192.0.2.99')
            self.other.register(Name(name))
        everything = ['ALPHA<20>', 'ZULU<20>', *names]
        self.assertEqual([f['name'] for f in self.findings()], everything)
        self.assertEqual([f['name'] for f in self.findings('--limit', '101')], everything[:101])
        self.assertEqual([f['name'] for f in self.findings('host00?7')],
                         [n for n in names if n[4:6] == '00' and n[7] == '7'])
        self.assertEqual([f['name'] for f in self.findings('zulu#20')], ['ZULU<20>'])
        raw, seen, cursor = Raw(self.server), [], None
        while cursor or not seen:
            page = raw.ask('doctor', page=1, **({'cursor': cursor} if cursor else {}))['result']
            self.assertLessEqual(len(page['findings']), 1)
            seen += [f['name'] for f in page['findings']]
            cursor = page['cursor']
        self.assertEqual(seen, everything)

    def test_cursors_of_nobody_are_refused(self):
        raw = Raw(self.server)
        for cursor in ('3' + '00' * 16, '/' + '00' * 16, '00' * 16 + 'x', 'x' * 33, '0' + 'g' * 32):
            with self.subTest(cursor=cursor):
                self.assertEqual(raw.ask('doctor', cursor=cursor)['error']['code'], 'bad-argument')

    def test_wrong_calls_are_told(self):
        for words, status, says in (
                (['doctor', '--repair'], WRONG_CALL, 'needs a name'),
                (['doctor', 'nobody#20', '--repair'], REFUSED, 'no active record'),
                (['repair', 'nobody'], REFUSED, 'lacks its suffix'),
                (['doctor', '<20'], REFUSED, 'no pattern')):
            with self.subTest(words=words):
                done = self.server.run_ctl(*words)
                self.assertEqual((done.returncode, done.stdout), (status, ''))
                self.assertIn(says, done.stderr)


class Options(DoctorCase):
    options = {**ServerCase.options, 'half_release_delay': '1s'}

    def half_release(self):
        self.claim(FIRST, SECOND)
        self.node.disown(NAME)
        self.release(FIRST)

    def test_repair_is_the_default_and_needs_nobody(self):
        self.half_release()
        self.told('GHOST_REMOVED')
        self.gone()
        self.settled()

    def test_log_tells_and_changes_nothing_but_when_told(self):
        self.reload(half_release='log')
        self.half_release()
        self.told('GHOST_FOUND')
        self.assertEqual(self.other.resolve(NAME), [SECOND])
        self.assertEqual(self.counter('doctor-removed'), 0)
        self.repair()
        self.told('GHOST_REMOVED')
        self.gone()

    def test_off_asks_nothing_and_a_reload_turns_it_on(self):
        self.reload(half_release='off')
        self.half_release()
        self.assertEqual((self.findings(), self.counter('half-released')), ([], 0))
        self.claim(FIRST, SECOND)
        self.reload(half_release='repair')
        self.node.disown(NAME)
        self.release(FIRST)
        self.told('GHOST_REMOVED')
        self.assertEqual(self.counter('half-released'), 1)


class LaterOptions(DoctorCase):
    DELAY = 20
    options = {**ServerCase.options, 'half_release_delay': f'{DELAY}s'}

    def test_off_ends_what_was_meant_to_be_asked(self):
        self.claim(FIRST, SECOND)
        begin = time.monotonic()
        self.release(FIRST)
        found = self.findings()
        self.reload(half_release='off')
        if time.monotonic() - begin > self.DELAY:
            self.skipTest('the question came first')
        self.assertEqual(len(found), 1)
        self.settled()
        self.assertEqual(self.counter('doctor-questions'), 0)
        self.assertEqual(self.other.resolve(NAME), [SECOND])


class FewPatients(DoctorCase):
    options = {**DoctorCase.options, 'doctor_max': 2}

    def test_the_longest_watched_makes_room(self):
        for i in range(3):
            name = Name(f'PC{i}')
            self.claim(FIRST, SECOND, name=name)
            self.node.release(name, FIRST, source=FIRST)
        found = [f['name'] for f in self.findings()]
        self.assertEqual(len(found), 2)
        self.assertIn('PC2<20>', found)


if __name__ == '__main__':
    tap.main()
