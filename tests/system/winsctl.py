# SPDX-License-Identifier: Apache-2.0
"""Every command of winsctl against a running server, and the control protocol itself: what it shows,
what it changes, whom it refuses. Manuals: winsctl(1), winsome-control(7)."""

import grp
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap
from lib.case import LabCase, ServerCase
from lib.netbios import Name
from lib.node import Node
from lib.winsd import ENDS_IN, WINSCTL

CLIENT = '192.0.2.20'
DONE, REFUSED, WRONG_CALL = 0, 1, 2
# Two groups and a user that each Debian has and that have nothing to do with the server.
READERS, CHANGERS, STRANGER = 'games', 'staff', 'man'


class Raw:
    """The protocol without winsctl: requests may be sent before answers are read."""

    def __init__(self, server):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(server.control))
        self.file = self.sock.makefile('r')

    def send(self, command, **arguments):
        line = json.dumps({'command': command, 'arguments': arguments}) + '\n'
        self.sock.sendall(line.encode())

    def receive(self):
        return json.loads(self.file.readline())

    def ask(self, command, **arguments):
        self.send(command, **arguments)
        return self.receive()


class Commands(ServerCase):
    options = {**ServerCase.options, 'renewal_interval': '6d'}

    def setUp(self):
        super().setUp()
        self.client = Node(self.lab.host('client', CLIENT), self.server.address)

    def refused(self, *words, says, status=REFUSED):
        done = self.server.run_ctl(*words)
        self.assertEqual((done.returncode, done.stdout), (status, ''), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def said(self, *words):
        done = self.server.run_ctl(*words)
        self.assertEqual((done.returncode, done.stderr), (DONE, ''))
        return done.stdout

    def names(self, *words):
        return [record['name'] for record in self.server.ctl('list', *words)]

    # ---- looking ----

    def test_status_tells_addresses_records_and_that_changes_are_kept(self):
        self.client.register(Name('ALPHA'))
        status, = self.server.ctl('status')
        self.assertEqual(status['addresses'], self.ADDRESSES)
        self.assertEqual((status['records'], status['next-version'], status['writable']), (1, 2, True))
        self.assertRegex(self.said('status'), r'answers on +192\.0\.2\.10')

    def test_registered_name_is_shown_with_all_that_is_known(self):
        before = int(time.time())
        self.client.register(Name('ALPHA'))
        after = int(time.time()) + 1
        record, = self.server.ctl('show', 'alpha#20')
        address, = record.pop('addresses')
        due = record.pop('due')
        self.assertEqual(record, {
            'name': 'ALPHA<20>', 'type': 'unique', 'state': 'active', 'node': 'h', 'static': False,
            'owner': 'self', 'version': 1})
        self.assertEqual((address['address'], address['owner'], address['due']), (CLIENT, 'self', due))
        self.assertTrue(before <= due - 518400 <= after, (before, due, after))
        self.assertRegex(self.said('show', 'ALPHA<20>'), r'due +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(in [56] d')

    def test_what_is_not_there_is_refused(self):
        self.refused('show', 'NOBODY<20>', says='no record NOBODY<20>')
        self.refused('delete', 'NOBODY<20>', says='no record NOBODY<20>')
        self.refused('tombstone', 'NOBODY<20>', says='NOBODY<20>')

    def test_each_filter_picks_its_records(self):
        self.client.register(Name('ALPHA', 0x00))
        self.client.register(Name('ALPHA', 0x20))
        self.client.register(Name('BETA', 0x20))
        self.client.register_group(Name('OFFICE', 0x1E))
        self.client.release(Name('BETA', 0x20))
        self.server.ctl('add', 'FIX<20>', 'multihomed', '192.0.2.70', '192.0.2.71')
        everything = ['ALPHA<00>', 'ALPHA<20>', 'BETA<20>', 'FIX<20>', 'OFFICE<1E>']
        for words, expected in (
                ([], everything),
                (['AL*'], everything[:2]),
                (['al*#20'], ['ALPHA<20>']),
                (['?E*'], ['BETA<20>']),
                (['ALPHA'], everything[:2]),
                (['*'], everything),
                (['Z*'], []),
                (['--suffix', '20'], ['ALPHA<20>', 'BETA<20>', 'FIX<20>']),
                (['--suffix=1E'], ['OFFICE<1E>']),
                (['--type', 'group'], ['OFFICE<1E>']),
                (['--type', 'multihomed'], ['FIX<20>']),
                (['--state', 'released'], ['BETA<20>']),
                (['--state', 'tombstone'], []),
                (['--static', 'yes'], ['FIX<20>']),
                (['--static', 'no', '--suffix', '20'], ['ALPHA<20>', 'BETA<20>']),
                (['--address', CLIENT, '--state', 'active'], everything[:2]),
                (['--address', '192.0.2.71'], ['FIX<20>']),
                (['--owner', 'self'], everything),
                (['--owner', '192.0.2.99'], []),
                (['--limit', '2'], everything[:2])):
            with self.subTest(words=words):
                self.assertEqual(self.names(*words), expected)

    def test_listing_of_many_pages_is_whole_and_in_order(self):
        raw, total = Raw(self.server), 2500
        names = [f'HOST{i:05}<20>' for i in range(total)]
        for first in range(0, total, 100):  # more would fill the socket both ways
            for name in names[first:first + 100]:
                raw.send('add', name=name, type='unique', addresses=['192.0.2.1'])
            self.assertEqual({raw.receive()['ok'] for _ in range(100)}, {True})
        self.assertEqual(self.names(), names)
        self.assertEqual(self.names('--limit', '1001'), names[:1001])
        self.assertEqual(len(self.said('list').splitlines()), 1 + total)
        seen, cursor = [], None
        while cursor or not seen:
            page = raw.ask('list', name='HOST000*', page=7, **({'cursor': cursor} if cursor else {}))
            self.assertLessEqual(len(page['result']['records']), 7)
            seen += [record['name'] for record in page['result']['records']]
            cursor = page['result']['cursor']
        self.assertEqual(seen, names[:100])

    def test_names_are_escaped_and_escapes_are_understood(self):
        self.client.register(Name(b'\x01\x02__MSBROWSE__\x02', 0x01))
        self.client.register(Name('lower', 0x20))
        self.client.register(Name('a<b>#c', 0x20))
        self.client.register(Name('SCOPED', 0x20, scope='LAB'))
        names = self.names()
        self.assertEqual(names, ['\\x01\\x02__MSBROWSE__\\x02<01>', 'SCOPED<20>.LAB',
                                 'a\\x3cb\\x3e\\x23c<20>', 'lower<20>'])
        for name in names:
            self.assertEqual(self.server.ctl('--case', 'show', name)[0]['name'], name)
            self.assertIn(name, self.said('list'))
        self.refused('show', 'lower<20>', says='no record LOWER<20>')
        self.assertEqual(self.names('\\x6c*'), ['lower<20>'])

    def test_owners_are_counted(self):
        self.client.register(Name('ALPHA'))
        self.client.register(Name('BETA'))
        self.assertEqual(self.server.ctl('owners'), [
            {'owner': 'self', 'records': 2, 'lowest-version': 1, 'highest-version': 2,
             'known-version': 2, 'highest-anywhere': 2, 'highest-at': self.server.address,
             'blocked': False}])

    def test_stats_count_queries_drops_and_rules(self):
        self.client.send(b'\0' * 5)
        self.client.register(Name('ALPHA'))
        self.client.resolve(Name('ALPHA'))
        self.client.resolve(Name('NOBODY'))
        stats, = self.server.ctl('stats', '--rules')
        counters = stats['counters']
        self.assertEqual((counters['queries'], counters['queries-positive'],
                          counters['queries-negative'], counters['registrations-unique']), (2, 1, 1, 1))
        self.assertEqual(stats['drops']['short'], 1)
        self.assertGreaterEqual(sum(stats['rules'].values()), 3)
        self.assertNotIn('rules', self.server.ctl('stats')[0])
        self.assertRegex(self.said('stats'), r'queries-positive +1 name queries answered with')

    def test_check_of_the_running_server_finds_no_fault(self):
        self.client.register(Name('ALPHA'))
        self.server.ctl('add', 'FIX<20>', 'special', '192.0.2.70')
        self.client.release(Name('ALPHA'))
        self.assertEqual(self.server.ctl('check'), [{'records': 2, 'faults': 0, 'sentences': []}])

    def test_version_and_configuration_are_told(self):
        self.assertRegex(self.said('version'), r'^winsd \d+\.\d+\.\d+\nwinsctl \d')
        self.assertIn('challenge-interval: 10s', self.said('config'))

    # ---- explaining ----

    def test_explaining_tells_the_verdict_and_does_nothing(self):
        owner, other = Name('ALPHA'), '192.0.2.66'
        self.client.own(owner, [CLIENT])
        self.client.register(owner)
        before = self.server.records()
        for words, action, answer in (
                (['NEW<20>', 'register', other], 'write', 'positive'),
                (['ALPHA<20>', 'register', CLIENT], 'write', 'positive'),
                (['ALPHA<20>', 'refresh', CLIENT], 'write', 'positive'),
                (['ALPHA<20>', 'register', other], 'challenge', 'positive'),
                (['ALPHA<20>', 'register', other, '--group'], 'challenge', 'positive'),
                (['ALPHA<20>', 'register', other, '--multihomed'], 'challenge', 'positive'),
                (['ALPHA<20>', 'release', CLIENT], 'write', 'positive'),
                (['ALPHA<20>', 'release', other], 'reply', 'positive'),
                (['DOM<1c>', 'register', other], 'reply', 'RFS_ERR'),
                (['WPAD<00>', 'register', other], 'reply', 'RFS_ERR')):
            with self.subTest(words=words):
                told, = self.server.ctl('explain', *words)
                self.assertEqual((told['action'], told['answer']), (action, answer), told)
                self.assertRegex(told['rule'], r'^[A-Z]+_\d+$')
                self.assertTrue(told['sentence'] and told['spec'])
                self.assertEqual(told['record'] is not None, words[0] == 'ALPHA<20>')
                self.assertEqual(told['next'] is not None, action == 'write')
                self.assertEqual(told['ask'], [CLIENT] if action == 'challenge' else [])
                self.assertIn(told['rule'], self.said('explain', *words))
        self.assertEqual(self.server.records(), before)
        self.assertEqual(self.client.challenges, [])

    # ---- changing ----

    def test_static_record_is_answered_and_defended(self):
        self.assertEqual(self.said('add', 'files<20>', 'unique', '192.0.2.70'), 'FILES<20> was added.\n')
        self.assertEqual(self.client.resolve(Name('FILES')), ['192.0.2.70'])
        self.assertEqual(self.client.register(Name('FILES')).rcode, netbios.ACT)
        record, = self.server.ctl('show', 'FILES<20>')
        self.assertEqual((record['static'], record['due']), (True, None))
        self.assertEqual(self.said('delete', 'FILES<20>'), 'FILES<20> was deleted.\n')
        self.assertEqual(self.client.resolve(Name('FILES')), None)
        self.assertEqual(self.client.register(Name('FILES')).rcode, netbios.OK)

    def test_each_type_of_static_record_is_answered_as_such(self):
        self.server.ctl('add', 'TEAM<00>', 'group')
        self.server.ctl('add', 'INET<20>', 'internet', '192.0.2.70', '192.0.2.71')
        self.server.ctl('add', 'MANY<20>', 'multihomed', '192.0.2.72', '192.0.2.73', '--node', 'p')
        self.assertEqual(self.client.resolve(Name('TEAM', 0x00)), ['255.255.255.255'])
        self.assertEqual(set(self.client.resolve(Name('INET'))), {'192.0.2.70', '192.0.2.71'})
        self.assertEqual(set(self.client.resolve(Name('MANY'))), {'192.0.2.72', '192.0.2.73'})
        self.assertEqual(self.server.ctl('show', 'INET<20>')[0]['type'], 'special')
        self.assertEqual(self.server.ctl('show', 'MANY<20>')[0]['node'], 'p')

    def test_impossible_static_records_are_refused(self):
        many = [f'192.0.2.{i}' for i in range(1, 27)]
        for words, says in (
                (['X<20>', 'unique'], 'one address'),
                (['X<20>', 'unique', *many[:2]], 'one address'),
                (['X<20>', 'group', many[0]], 'no addresses'),
                (['X<20>', 'special'], 'at least one'),
                (['X<20>', 'special', many[0], many[0]], 'twice'),
                (['X<20>', 'unique', '127.0.0.1'], 'no computer'),
                (['X<20>', 'unique', '255.255.255.255'], 'no computer'),
                (['X', 'unique', many[0]], 'lacks its suffix'),
                (['SIXTEENBYTESLONG<20>', 'unique', many[0]], 'no name'),
                (['X<2>', 'unique', many[0]], 'no name')):
            with self.subTest(words=words):
                self.refused('add', *words, says=says)
        self.refused('add', 'X<20>', 'special', *many, says='0-25', status=WRONG_CALL)
        self.assertEqual(self.names(), [])
        self.server.ctl('add', 'X<20>', 'special', *many[:25])
        self.assertEqual(len(self.client.resolve(Name('X'))), 25)

    def test_tombstone_takes_the_name_away_under_a_new_version(self):
        self.client.register(Name('ALPHA'))
        self.said('tombstone', 'ALPHA<20>')
        record, = self.server.ctl('show', 'ALPHA<20>')
        self.assertEqual((record['state'], record['version']), ('tombstone', 2))
        self.assertEqual(self.client.resolve(Name('ALPHA')), None)

    def test_changes_survive_kill_9(self):
        self.server.ctl('add', 'STAYS<20>', 'unique', '192.0.2.70')
        self.server.ctl('add', 'GOES<20>', 'unique', '192.0.2.71')
        self.server.ctl('delete', 'GOES<20>')
        self.server.restart('kill9')
        self.assertEqual(self.names(), ['STAYS<20>'])

    def test_scavenging_is_begun_and_its_end_told(self):
        self.said('scavenge')
        lab.wait_until(lambda: 4330 in [e['number'] for e in self.server.ctl('events')], 10,
                       'the end of scavenging')

    # ---- events ----

    def test_events_are_shown_after_a_number_and_the_last_ones(self):
        for i in range(3):
            self.server.ctl('add', f'E{i}<20>', 'unique', '192.0.2.70')
        events = self.server.ctl('events')
        self.assertEqual([e['seq'] for e in events], list(range(1, len(events) + 1)))
        self.assertEqual([e.get('name') for e in events[-3:]], ['E0<20>', 'E1<20>', 'E2<20>'])
        self.assertEqual(self.server.ctl('events', '--limit', '2'), events[-2:])
        self.assertEqual(self.server.ctl('events', '--after', str(len(events) - 1)), events[-1:])
        self.assertEqual(self.server.ctl('events', '--after', str(len(events))), [])
        self.assertIn('E2<20>', self.said('events'))

    def test_events_are_followed(self):
        follow = subprocess.Popen([WINSCTL, '--socket', str(self.server.control), 'events', '-f'],
                                  stdout=subprocess.PIPE, text=True)
        try:
            self.server.ctl('add', 'SEEN<20>', 'unique', '192.0.2.70')
            while 'SEEN<20>' not in follow.stdout.readline():
                pass
        finally:
            follow.send_signal(signal.SIGINT)
            follow.stdout.close()
            follow.wait(lab.PATIENCE)

    # ---- backup, reload ----

    def test_backup_is_a_store_that_a_server_starts_from(self):
        self.client.register(Name('ALPHA'))
        self.server.ctl('add', 'FIX<20>', 'unique', '192.0.2.70')
        copy = self.server.data / 'copy'
        self.said('backup', str(copy))
        self.refused('backup', str(copy), says='not empty')
        self.refused('backup', 'copy', says='absolute path')
        self.refused('backup', '/proc/copy', says='/proc/copy')
        report, = self.server.ctl('store', 'check', '--data-dir', str(copy))
        self.assertEqual((report['ok'], report['records']), (True, 2))
        before = self.server.records()
        self.server.end()
        second = self.winsd(self.server_host, data=copy, **self.options).start()
        self.assertEqual(second.records(), before)
        self.assertEqual(self.client.resolve(Name('FIX')), ['192.0.2.70'])

    def test_reload_takes_over_a_good_file_and_refuses_a_bad_one(self):
        self.server.conf.write_text('migrate-on: true\n')
        self.said('reload')
        self.assertIn('migrate-on: true', self.said('config'))
        self.server.conf.write_text('migrate-on: perhaps\n')
        done = self.server.run_ctl('reload')
        self.assertEqual(done.returncode, REFUSED)
        self.assertTrue(done.stderr.startswith('winsctl: '), done.stderr)
        self.assertIn('migrate-on: true', self.said('config'))

    # ---- the call itself ----

    def test_wrong_calls_exit_with_2_and_say_what_is_allowed(self):
        for words, says in (([], 'command is needed'), (['lits'], 'no command'),
                            (['show'], '"name"'), (['list', '--type', 'odd'], 'unique|group'),
                            (['list', '--foo', 'x'], '--foo')):
            with self.subTest(words=words):
                self.refused(*words, says=says, status=WRONG_CALL)

    def test_help_needs_no_server(self):
        self.server.end()
        text = self.said('help')
        for command in re.findall(r'^  (\w[\w-]*)', text, re.M):
            if command not in ('s', 't', 'j', 'C', 'V', 'h'):
                self.assertIn(f'usage: winsctl {command}', self.said('help', command))
        self.refused('status', says='is winsd running')
        self.assertRegex(self.said('--version'), r'^winsctl \d')

    def test_odd_lines_are_answered_and_the_connection_goes_on(self):
        raw = Raw(self.server)
        for line, code in (('hello', 'bad-request'), ('[]', 'bad-request'), ('', 'bad-request'),
                           ('{"command":"reboot"}', 'no-such-command'),
                           ('{"command":"help"}', 'no-such-command'),
                           ('{"command":"show"}', 'missing-argument'),
                           ('{"command":"list","arguments":{"cursor":"' + 'z' * 32 + '"}}',
                            'bad-argument'),
                           ('{"command":"list","arguments":{"name":"A<"}}', 'bad-argument'),
                           ('{"command":"list","arguments":{"suffix":"zz"}}', 'bad-argument'),
                           ('{"command":"list","arguments":{"owner":"me!!"}}', 'bad-argument')):
            raw.sock.sendall(line.encode() + b'\n')
            self.assertEqual(raw.receive()['error']['code'], code, line)
        self.assertTrue(raw.ask('status')['ok'])

    def test_server_ends_in_time_though_callers_stay_connected(self):
        idle, busy = Raw(self.server), Raw(self.server)
        busy.sock.sendall(b'{"command":"config"}\n' * 1000)
        began = time.monotonic()
        self.assertEqual(self.server.end(), 0)
        self.assertLess(time.monotonic() - began, ENDS_IN)
        self.assertEqual(idle.sock.recv(1), b'')


class Access(LabCase):
    def setUp(self):
        super().setUp()
        host = self.lab.host('server', '192.0.2.10')
        host.path('run').mkdir(mode=0o755)
        self.server = self.winsd(host, control_group=READERS, control_admin_group=CHANGERS).start()
        os.chmod(host.path('run'), 0o755)

    def as_user(self, *words, groups=()):
        """winsctl run by somebody who is only in these groups."""
        return subprocess.run([WINSCTL, '--socket', str(self.server.control), *words],
                              capture_output=True, text=True, timeout=60,
                              user=pwd.getpwnam(STRANGER).pw_uid, group=pwd.getpwnam(STRANGER).pw_gid,
                              extra_groups=[grp.getgrnam(g).gr_gid for g in groups])

    def test_members_of_the_group_may_look_and_not_change(self):
        self.assertEqual(self.as_user('status', groups=[READERS]).returncode, DONE)
        self.assertEqual(self.as_user('list', groups=[READERS]).returncode, DONE)
        self.assertEqual(self.as_user('doctor', groups=[READERS]).returncode, DONE)
        for words in (['add', 'X<20>', 'unique', '192.0.2.1'], ['delete', 'X<20>'], ['scavenge'],
                      ['tombstone', 'X<20>'], ['reload'], ['backup', '/tmp/x'], ['repair', 'X<20>'],
                      ['doctor', 'X<20>', '--repair']):
            done = self.as_user(*words, groups=[READERS])
            self.assertEqual(done.returncode, REFUSED)
            self.assertIn(CHANGERS, done.stderr)
        self.assertEqual(self.server.records(), {})

    def test_members_of_the_admin_group_may_change(self):
        done = self.as_user('add', 'X<20>', 'unique', '192.0.2.1', groups=[CHANGERS])
        self.assertEqual((done.returncode, done.stderr), (DONE, ''))
        self.assertEqual(list(self.server.records()), ['X<20>'])

    def test_strangers_are_told_which_groups_have_access(self):
        done = self.as_user('status')
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ''))
        self.assertIn(READERS, done.stderr)
        self.assertIn(CHANGERS, done.stderr)

    def test_closed_folder_is_told_in_one_sentence(self):
        os.chmod(self.server.control.parent, 0o700)
        done = self.as_user('status', groups=[READERS])
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (REFUSED, 1))
        self.assertIn('may not open', done.stderr)


class Offline(LabCase):
    def test_store_check_and_salvage_of_a_damaged_folder(self):
        host = self.lab.host('server', '192.0.2.10')
        server = self.winsd(host).start()
        for i in range(20):
            server.ctl('add', f'N{i:02}<20>', 'unique', '192.0.2.70')
        server.kill9()
        whole, = server.ctl('store', 'check', '--data-dir', str(server.data))
        self.assertEqual((whole['ok'], whole['records']), (True, 20))
        journal = max(server.data.glob('journal-*'), key=lambda p: len(p.read_bytes().rstrip(b'\0')))
        data = bytearray(journal.read_bytes())
        at = data.index(b'N05')
        data[at] ^= 0x01
        journal.write_bytes(data)
        damaged = server.run_ctl('store', 'check', '--data-dir', str(server.data))
        self.assertEqual(damaged.returncode, REFUSED)
        self.assertIn(journal.name, damaged.stdout + damaged.stderr)
        saved = server.run_ctl('store', 'salvage', '--data-dir', str(server.data))
        self.assertEqual(saved.returncode, DONE, saved.stderr)
        server.start()
        self.assertIn('N04<20>', server.records())

    def test_store_check_says_what_is_no_store(self):
        empty = self.lab.work / 'empty'
        empty.mkdir()
        for path, says in ((empty, 'no store'), (self.lab.work / 'nowhere', 'cannot be opened')):
            done = subprocess.run([WINSCTL, 'store', 'check', '--data-dir', str(path)],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, REFUSED)
            self.assertIn(says, done.stderr)


class Completion(LabCase):
    SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          '../../etc/bash-completion/winsctl')

    def complete(self, *words):
        quoted = ' '.join(f"'{w}'" for w in words)
        script = (f'. "{self.SCRIPT}"; COMP_WORDS=(winsctl {quoted}); COMP_CWORD={len(words)}; '
                  '_winsctl; printf "%s\\n" "${COMPREPLY[@]}"')
        return subprocess.run(['bash', '-c', script], capture_output=True, text=True,
                              check=True).stdout.split()

    def test_commands_options_and_their_words_are_completed(self):
        self.assertEqual(self.complete('sto'), ['store'])
        self.assertEqual(self.complete('--socket', '/x', 'sca'), ['scavenge'])
        self.assertEqual(self.complete('list', '--su'), ['--suffix'])
        self.assertEqual(self.complete('list', '--type', 'm'), ['multihomed'])
        self.assertEqual(self.complete('explain', 'X', 'ref'), ['refresh'])
        self.assertEqual(self.complete('help', 'back'), ['backup'])
        self.assertEqual(self.complete('show', 'X'), [])


if __name__ == '__main__':
    tap.main(programs=['bash'])
