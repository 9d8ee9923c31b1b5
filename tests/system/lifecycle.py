# SPDX-License-Identifier: Apache-2.0
"""winsd as a service: TERM, HUP, privileges, readiness, version numbers over restarts. Design: fixed
names, security."""

import os
import pwd
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, netbios, tap, winsd
from lib.burst import ACTIVE, Burst, numbered
from lib.case import LabCase, ServerCase
from lib.netbios import Name
from lib.node import Node

CLIENT = '192.0.2.101'


class Ending(ServerCase):
    def setUp(self):
        super().setUp()
        self.client = self.lab.host('client', CLIENT)

    def test_term_under_load_ends_it_with_everything_durable(self):
        burst = Burst(self.client, self.server.address)
        self.addCleanup(burst.close)
        register = lambda name, noted: (netbios.REGISTER, CLIENT, (ACTIVE, CLIENT))
        burst.change(numbered(3000), burst.more(1000), register)
        self.assertEqual(burst.refused, [])
        end = time.monotonic() + winsd.ENDS_IN
        self.server.process.send_signal(signal.SIGTERM)
        burst.change(numbered(3000, 'M'),
                     lambda: not self.server.process.running or time.monotonic() > end, register)
        self.assertEqual(self.server.process.popen.poll(), 0)
        burst.take(0, burst.note)
        burst.give_up()
        self.server.start()
        self.assertEqual(burst.wrong(), {})

    def test_int_ends_it_too(self):
        self.assertEqual(self.server.process.end(signal.SIGINT), 0)

    def test_term_does_not_wait_for_the_end_of_a_challenge(self):
        node = Node(self.client, self.server.address)
        # In a net of the lab, and nobody's: no answer, no ICMP error.
        node.register(Name('HELD'), '192.0.2.200')
        node.send(netbios.request(0x3333, netbios.REGISTER, Name('HELD'), CLIENT))
        lab.wait_until(lambda: [m for m in self.answers_to(CLIENT)
                                if m.opcode == netbios.WACK], 5, 'the WACK')
        begin = time.monotonic()
        self.assertEqual(self.server.end(), 0)
        self.assertLess(time.monotonic() - begin, winsd.ENDS_IN)

    def test_control_socket_is_gone_afterwards(self):
        self.server.end()
        self.assertFalse(self.server.control.exists())

    def test_versions_rise_over_kill_and_restart(self):
        node = Node(self.client, self.server.address)
        highest = 0
        for how, text in (('kill9', 'A'), ('end', 'B'), ('kill9', 'C')):
            node.register(Name(text))
            versions = self.server.versions()
            self.assertGreater(versions[f'{text}<20>'], highest)
            highest = versions[f'{text}<20>']
            self.server.restart(how)
            self.assertEqual(self.server.versions(), versions)

    def test_version_of_a_deleted_record_is_not_given_again(self):
        node = Node(self.client, self.server.address)
        node.register(Name('GONE'))
        version = self.server.versions()['GONE<20>']
        self.server.ctl('delete', 'GONE<20>')
        self.server.restart('kill9')
        node.register(Name('NEXT'))
        self.assertGreater(self.server.versions()['NEXT<20>'], version)


class Reload(ServerCase):
    options = {}

    def setUp(self):
        super().setUp()
        self.node = Node(self.lab.host('client', CLIENT), self.server.address)

    def reload(self, text):
        self.server.conf.write_text(text)
        before = self.reloads()
        self.server.process.send_signal(signal.SIGHUP)
        lab.wait_until(lambda: self.reloads() > before, 10, 'the reload to be told')

    def reloads(self):
        return len([e for e in self.events() if e['symbol'] in ('CONF_RELOADED', 'CONF_REFUSED')])

    def events(self):
        return self.server.ctl('events')

    def test_hup_takes_over_what_can_change(self):
        self.assertEqual(self.node.register(Name('MYBLOCK')).ttl, netbios.RENEWAL)
        self.reload('renewal-interval: 2d\nblocked-names: [HISBLOCK]\n')
        self.assertEqual(self.node.register(Name('OTHER')).ttl, 2 * 86400)
        self.assertEqual(self.node.register(Name('HISBLOCK')).rcode, netbios.RFS)
        self.assertEqual(self.node.register(Name('WPAD')).rcode, netbios.OK)

    def test_hup_with_a_bad_file_keeps_the_old_configuration_and_says_why(self):
        self.reload('renewal-interval: 2d\n')
        self.reload('renewal-interval: 3d\nlog-level: loud\n')
        self.assertIn('log-level', self.server.output() + str(self.events()))
        self.assertTrue(self.server.process.running)
        self.assertEqual(self.node.register(Name('SAME')).ttl, 2 * 86400)

    def test_hup_says_what_needs_a_restart(self):
        self.reload('workers: 1\n')
        self.assertIn('workers', self.server.output() + str(self.events()))


class Privileges(LabCase):
    def status(self, pid):
        text = lab.Path(f'/proc/{pid}/status').read_text()
        return dict(line.split(':\t', 1) for line in text.splitlines() if ':\t' in line)

    def test_root_is_dropped_for_good_in_every_thread(self):
        server = self.winsd(self.lab.host('server', '192.0.2.10')).start()
        user = pwd.getpwnam(winsd.USER)
        threads = os.listdir(f'/proc/{server.pid}/task')
        self.assertGreaterEqual(len(threads), 2)
        for thread in threads:
            status = self.status(f'{server.pid}/task/{thread}')
            self.assertEqual(status['Uid'].split(), [str(user.pw_uid)] * 4)
            self.assertEqual(status['Gid'].split(), [str(user.pw_gid)] * 4)
            self.assertNotIn('0', status['Groups'].split())
            for sets in ('CapEff', 'CapPrm', 'CapInh', 'CapAmb'):
                self.assertEqual(int(status[sets], 16), 0, sets)

    def test_data_belongs_to_the_user_and_to_nobody_else(self):
        server = self.winsd(self.lab.host('server', '192.0.2.10')).start()
        user = pwd.getpwnam(winsd.USER)
        for path in [server.data, *server.data.iterdir()]:
            stat = path.stat()
            self.assertEqual((stat.st_uid, stat.st_mode & 0o007), (user.pw_uid, 0), path)

    def test_strangers_have_no_access_to_the_control_socket(self):
        server = self.winsd(self.lab.host('server', '192.0.2.10')).start()
        winsctl = shutil.copy(winsd.WINSCTL, server.host.path('winsctl'))  # where all may go
        done = server.host.run('setpriv', '--reuid=daemon', '--regid=daemon', '--clear-groups',
                               winsctl, '--socket', server.control, 'status')
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)


class PinnedWorkers(LabCase):
    def test_each_has_a_processor_and_every_client_is_answered(self):
        server = self.winsd(self.lab.host('server', '192.0.2.10'), workers=2, pin_workers='true').start()
        host = self.lab.host('client', CLIENT)
        for port in range(2000, 2032):
            with host.socket() as sock:
                sock.settimeout(10)
                sock.bind((CLIENT, port))
                sock.connect(('192.0.2.10', 137))
                sock.send(netbios.query(port, Name('NEVER')))
                self.assertEqual(netbios.Message(sock.recv(2048)).id, port)
        ours = os.sched_getaffinity(0)
        pinned = [os.sched_getaffinity(int(task.name))
                  for task in Path(f'/proc/{server.pid}/task').iterdir()
                  if (task / 'comm').read_text().startswith('worker')]
        self.assertEqual(sorted(map(len, pinned))[0], 1)
        if len(ours) > 1:
            self.assertEqual(set().union(*pinned), set(sorted(ours)[:2]))


class Readiness(LabCase):
    def test_readiness_and_stopping_are_told_to_systemd(self):
        host = self.lab.host('server', '192.0.2.10')
        path = host.path('notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(str(path))
            os.chmod(path, 0o777)
            sock.settimeout(lab.PATIENCE)
            server = self.winsd(host)
            server.launch({'NOTIFY_SOCKET': str(path), 'WATCHDOG_USEC': '1000000'})
            self.heard(sock, b'READY=1')
            node = Node(self.lab.host('client', CLIENT), server.address)
            self.assertEqual(node.register(Name('READY')).rcode, netbios.OK)
            self.heard(sock, b'WATCHDOG=1')
            self.heard(sock, b'WATCHDOG=1')
            server.process.send_signal(signal.SIGTERM)
            self.heard(sock, b'STOPPING=1')
            for _ in range(200):  # whoever is impatient does not cut the end short
                server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.popen.wait(lab.PATIENCE), 0)

    def heard(self, sock, word):
        while word not in sock.recv(4096).split(b'\n'):
            pass


if __name__ == '__main__':
    tap.main()
