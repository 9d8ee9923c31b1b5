# SPDX-License-Identifier: Apache-2.0
"""The load generator against a real server: every load comes to its end, what the server then holds is
what the load says, and what is wrong is told. Nothing here is about speed."""

import json
import os
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, tap, winsd
from lib.case import SILENCE, LabCase, ServerCase

NBPERF = os.environ.get('NBPERF', winsd.BUILD / 'tools' / 'nbperf')
VECTORS = Path(__file__).resolve().parents[1] / 'data/wrepl'
SERVER, CLIENT, OWNER = '192.0.2.10', '192.0.2.20', '192.0.2.21'


class LoadCase(ServerCase):
    ADDRESSES = [SERVER]

    def setUp(self):
        super().setUp()
        self.client = self.lab.host('client', (CLIENT, OWNER))

    def perf(self, *words, status=0, server=f'@{SERVER}'):
        """What the load's JSON says. Nothing is lost here, so nothing is to be repeated."""
        done = self.client.run(NBPERF, server, '--json', '--quiet', '-i', '20s', *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status == 3 and not done.stdout:
            return done.stderr
        return json.loads(done.stdout)

    def active(self):
        return {name: r for name, r in self.server.records().items() if r['state'] == 'active'}

    def challenge(self, owner):
        return self.perf('challenge', '-O', OWNER, '-o', owner, '-n', '40', '-w', '40')

    def lost_after(self, owner, questions):
        """All of an owner's names are taken from it, after so many questions."""
        said = self.challenge(owner)
        self.assertEqual((said['codes'], said['wacks']), ({'success': 40}, 40))
        self.assertEqual(said['challenges'], questions)


class Loads(LoadCase):
    def test_names_are_registered_found_refreshed_and_released(self):
        own = '-a', 'own', '-n', '300'
        for load in ('register', 'query', 'refresh'):
            said = self.perf(load, *own, '-c', '300')
            self.assertEqual((said['begun'], said['right'], said['lost']), (300, 300, 0))
        held = self.active()
        self.assertEqual(len(held), 300)
        self.assertIn('WS-00000299<20>', held)
        said = self.perf('release', *own)
        self.assertEqual(said['right'], 300)
        self.assertEqual(self.active(), {})
        said = self.perf('query', *own, '-c', '300', status=1)
        self.assertEqual((said['right'], said['codes']), (0, {'NAM_ERR': 300}))
        self.assertIn('not the result expected', said['first_wrong'])

    def test_absent_names_must_be_absent(self):
        self.perf('register', '-n', '100')
        said = self.perf('query', '-n', '100', '-c', '1000', '--hits', '40')
        self.assertEqual(sorted(said['codes']), ['NAM_ERR', 'success'])
        self.assertEqual(said['right'], 1000)
        self.assertEqual(sum(said['codes'].values()), 1000)

    def test_wrong_address_is_seen(self):
        self.perf('register', '-n', '10')
        said = self.perf('query', '-n', '10', '-c', '20', '-a', '10.7.7.7', status=1)
        self.assertEqual(said['wrong'], {'not the address expected': 20})

    def test_mixed_load_leaves_what_it_says(self):
        self.perf('register', '-n', '200')
        said = self.perf('mixed', '-n', '200', '-c', '1500', '-S', '3', '-w', '9')
        self.assertEqual(said['right'], 1500)
        ops = {op: said['operations'][op]['begun'] for op in said['operations']}
        self.assertEqual(sorted(ops), ['query', 'refresh', 'register', 'release'])
        self.assertEqual(len(self.active()), 200 + ops['register'] - ops['release'])

    def test_rate_bounds_what_is_begun(self):
        self.perf('register', '-n', '10')
        said = self.perf('query', '-n', '10', '-r', '200', '-t', '500ms')
        self.assertIn(said['begun'], range(1, 101))

    def test_living_owners_keep_their_names(self):
        said = self.challenge('living')
        self.assertEqual((said['codes'], said['wacks']), ({'ACT_ERR': 40}, 40))
        self.assertGreaterEqual(said['challenges'], 40)
        self.assertEqual({r['addresses'][0]['address'] for r in self.active().values()}, {OWNER})

    def test_denying_owners_lose_them(self):
        self.lost_after('denying', 40)

    def test_storm_registers_every_computer(self):
        said = self.perf('storm', '-N', '60', '-s', '500ms')
        self.assertEqual((said['begun'], said['right']), (360, 360))
        held = self.active()
        self.assertEqual(len(held), 60 * 4 + 2)
        self.assertEqual(held['GROUP0000000<1E>']['type'], 'group')

    def test_capture_gives_names(self):
        self.perf('register', '-n', '50', '--batch', '1')
        self.capture.stop()
        said = self.perf('query', '--capture', str(self.capture.path), '-c', '200')
        self.assertEqual((said['call']['names'], said['right']), (50, 200))

    def test_machine_without_a_server_is_told_at_once(self):
        said = self.perf('query', '-R', '0', '-i', '1s', status=3, server=f'@{OWNER}')
        self.assertIn(f'nobody listens on port 137 of {OWNER}', said)

    def test_silence_is_told_as_loss(self):
        self.lab.host('far', '198.51.100.9')  # its net is there, the address asked is not
        said = self.perf('query', '-c', '5', '-R', '1', '-i', '100ms', status=3,
                         server='@198.51.100.200')
        self.assertEqual((said['begun'], said['lost'], said['packets']), (5, 5, 10))

    def test_bare_responder_answers_all_loads(self):
        host = self.lab.host('bare', '203.0.113.9')
        responder = host.start(NBPERF, '--responder')
        lab.wait_until(lambda: host.run('ss', '-Huln', 'sport = :137').stdout, 5, 'the responder')
        for load in ('query', 'register', 'mixed', 'release'):
            said = self.perf(load, '-c', '500', '-n', '50', '--any-answer', server='@203.0.113.9')
            self.assertEqual(said['right'], 500)
        self.assertEqual(responder.end(), 0)
        self.assertIn('answered 2000', responder.output())


class Pulls(LoadCase):
    """The client is a partner, its second address is not. Nobody listens at its port 42, and the
    server is not to try in the middle of a test."""

    PARTNER = f'[{{address: {CLIENT}, pull: false, push: false}}]'
    options = {**LoadCase.options, 'replication.partners': PARTNER, 'replication.pause': 'never'}

    def setUp(self):
        super().setUp()
        self.perf('register', '-n', '5000')

    def pull(self, *words, **more):
        return self.perf('pull', '-b', CLIENT, *words, **more)

    def test_all_records_come_in_ranges(self):
        said = self.pull('--range', '700', '-c', '2')
        self.assertEqual((said['records'], said['pulls'], said['owners']), (10000, 2, 1))
        self.assertEqual((said['begun'], said['answered'], said['right'], said['lost']),
                         (16, 16, 16, 0))
        # Each pull begins with two messages more: the association's start and the map.
        self.assertEqual((said['messages'], said['wrong'], said['unnamed']), (20, {}, 0))
        self.assertGreaterEqual(said['bytes'], 10000 * 48)
        self.assertEqual(self.server.ctl('partners')[0]['address'], CLIENT)

    def test_range_may_be_all_or_one(self):
        said = self.pull('--range', '0')
        self.assertEqual((said['records'], said['begun'], said['right']), (5000, 1, 1))
        said = self.pull('--range', '1', '-w', '64')
        self.assertEqual((said['records'], said['begun'], said['right']), (5000, 5000, 5000))

    def test_released_names_do_not_come(self):
        self.perf('register', '-n', '10', '-f', '6000', '-a', 'own')
        self.perf('release', '-n', '10', '-f', '6000', '-a', 'own')
        said = self.pull()
        self.assertEqual((said['records'], said['right'], said['begun']), (5000, 1, 1))

    def test_stranger_is_told_why(self):
        said = self.perf('pull', '-b', OWNER, status=3)
        self.assertEqual(said, f'nbperf: {SERVER} ended the association, reason 4, when asked '
                               f'which owners it knows; is {OWNER} one of its partners?\n')

    def test_machine_without_a_server_is_told_at_once(self):
        said = self.pull(status=3, server=f'@{CLIENT}')
        self.assertIn(f'cannot connect to port 42 of {CLIENT}: Connection refused', said)

    def test_answer_refused_in_a_pull_is_told(self):
        """The server has less memory for answers than all records need."""
        self.server.end()
        self.server = self.winsd(self.server_host, **self.options, names_per_address=0,
                                 **{'replication.reply-memory': '1MiB'}).start()
        self.assertEqual(self.pull('--range', '100')['records'], 5000)
        self.perf('register', '-n', '15000', '-f', '5000')
        said = self.pull('--range', '0', status=3)
        self.assertEqual((said['begun'], said['answered'], said['lost']), (1, 0, 1))
        self.assertEqual(said['ended'], f'{SERVER} ended the association, reason 4')


def vector(name):
    """A message of tests/data/wrepl."""
    lines = (VECTORS / f'{name}.hex').read_text().splitlines()
    return bytes.fromhex(''.join(line.split('#')[0] for line in lines))


class WrongPartners(LabCase):
    """No real server errs on purpose, so here one says the same to whatever it is asked: an owner with
    versions to 900, and of those the records 522 to 524."""

    def setUp(self):
        super().setUp()
        self.peer, self.client = self.lab.host('peer', SERVER), self.lab.host('client', CLIENT)
        self.listener = self.peer.socket(socket.SOCK_STREAM)
        self.addCleanup(self.listener.close)
        self.listener.bind((SERVER, 42))
        self.listener.listen()
        self.listener.settimeout(lab.PATIENCE)
        self.records, self.handle = vector('records'), None

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile('rb') as stream:
            connection.settimeout(lab.PATIENCE)
            theirs = None
            while head := stream.read(16):
                body = stream.read(int.from_bytes(head[:4], 'big') - 12)
                kind = int.from_bytes(head[12:], 'big')
                if kind == 2:
                    return
                theirs = theirs or body[:4]
                answer = vector('start-response') if kind == 0 else \
                    vector('map-response') if body[3] == 0 else self.records
                handle = self.handle if answer is self.records and self.handle else theirs
                connection.sendall(answer[:8] + handle + answer[12:])
                if len(answer) < 4 + int.from_bytes(answer[:4], 'big'):
                    return

    def pull(self, *words, status):
        thread = threading.Thread(target=self.serve)
        thread.start()
        done = self.client.run(NBPERF, f'@{SERVER}', 'pull', '--json', '-i', '20s', *words)
        thread.join()
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_what_was_asked_for_is_right(self):
        said = self.pull(status=0)
        self.assertEqual((said['records'], said['right'], said['wrong']), (3, 1, {}))

    def test_version_that_was_not_asked_for_is_wrong(self):
        said = self.pull('--range', '100', status=1)
        self.assertEqual((said['begun'], said['answered'], said['right']), (9, 9, 1))
        self.assertEqual(said['wrong'], {'with a version that was not asked for': 8})
        self.assertIn('owner 192.0.2.10, versions 1 to 100: ', said['first_wrong'])

    def test_answer_cut_off_is_lost(self):
        self.records = self.records[:-1]
        said = self.pull('-w', '1', status=3)
        self.assertEqual((said['begun'], said['answered'], said['lost']), (1, 0, 1))
        self.assertEqual(said['ended'], f'{SERVER} closed the connection')

    def test_malformed_answer_ends_the_pull(self):
        count = 20
        self.records = self.records[:count] + (4).to_bytes(4, 'big') + self.records[count + 4:]
        said = self.pull('--range', '600', '-w', '1', status=1)
        self.assertEqual((said['begun'], said['right'], said['wrong']), (1, 0, {'malformed': 1}))

    def test_answer_for_another_association_is_not_taken(self):
        self.handle = bytes(4)
        said = self.pull('-w', '1', status=3)
        self.assertIn('a name records response for another association', said['ended'])


class DeadOwners(LoadCase):
    options = SILENCE

    def test_dead_owners_lose_their_names(self):
        self.lost_after('dead', 120)


if __name__ == '__main__':
    tap.main(['ss'])
