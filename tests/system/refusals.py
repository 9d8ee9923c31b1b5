# SPDX-License-Identifier: Apache-2.0
"""What winsd refuses to start with, and how it says so: one sentence that names the thing, and the
exit status (1 failed, 2 wrong call or configuration)."""

import os
import re
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, tap
from lib.case import LabCase
from lib.netbios import Name
from lib.node import Node

FAILED, WRONG_CALL = 1, 2


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Refusals(LabCase):
    def setUp(self):
        super().setUp()
        self.host = self.lab.host('server', '192.0.2.10')

    def refused(self, server):
        """Status and what it said."""
        process = server.launch()
        status = process.popen.wait(lab.PATIENCE)
        return status, server.output().strip()

    def one_sentence(self, said, *words):
        self.assertEqual(len(said.splitlines()), 1, said)
        for word in words:
            self.assertIn(str(word), said)

    def another(self, first, **options):
        """A second server on the same host that would not get in the first one's way."""
        second = self.winsd(self.host, **{'port': 1137, 'log_level': 'notice', **options})
        second.log = self.host.path('second.log')
        second.options['control-socket'] = self.host.path('run2', 'winsd.sock')
        second.conf = self.host.path('second.yaml')
        second.conf.write_text('')
        return second

    def test_second_server_on_the_same_folder_is_refused(self):
        first = self.winsd(self.host).start()
        status, said = self.refused(self.another(first))
        self.assertEqual(status, FAILED)
        self.one_sentence(said, first.data)
        self.assertRegex(said, 'another|in use')
        client = Node(self.lab.host('client', '192.0.2.20'), first.address)
        self.assertEqual(client.register(Name('STILL')).rcode, 0)

    def test_taken_port_is_named(self):
        first = self.winsd(self.host).start()
        second = self.another(first, port=137)
        second.options['data-dir'] = self.host.path('data2')
        status, said = self.refused(second)
        self.assertEqual(status, FAILED)
        self.one_sentence(said, '137')
        self.assertRegex(said, 'in use|another|taken')

    def test_second_server_does_not_take_the_control_socket_of_a_living_one(self):
        first = self.winsd(self.host).start()
        second = self.another(first)
        second.options['data-dir'] = self.host.path('data2')
        second.options['control-socket'] = first.control
        status, said = self.refused(second)
        self.assertEqual(status, FAILED)
        self.one_sentence(said, first.control)
        self.assertEqual(first.ctl('status') != [], True)

    def test_wrong_configuration_names_file_line_and_option(self):
        server = self.winsd(self.host)
        server.conf.write_text('log-level: info\n\nrenewal-interval: 5x\n'
                               'renewl-interval: 6d\nport: 70000\n')
        for more in ([], ['-n']):
            done = self.host.run(*server.command, *more)
            self.assertEqual(done.returncode, WRONG_CALL)
            said = done.stdout + done.stderr
            for line, option in ((3, 'renewal-interval'), (4, 'renewl-interval'), (5, 'port')):
                self.assertRegex(said, rf'{re.escape(str(server.conf))}:{line}: .*{option}')
        self.assertFalse(server.data.exists())

    def test_wrong_option_on_the_command_line_is_a_wrong_call(self):
        server = self.winsd(self.host)
        for words in (['-o', 'port=0'], ['-o', 'nosuch=1'], ['-o', 'port'], ['-Z'], ['extra']):
            done = self.host.run(*server.command, *words)
            self.assertEqual((done.returncode, bool(done.stderr)), (WRONG_CALL, True), words)

    def test_missing_configuration_file_is_named(self):
        server = self.winsd(self.host)
        server.conf.unlink()
        status, said = self.refused(server)
        self.assertEqual(status, WRONG_CALL)
        self.one_sentence(said, server.conf)

    def test_unknown_user_is_named(self):
        status, said = self.refused(self.winsd(self.host, user='nosuchuser'))
        self.assertNotEqual(status, 0)
        self.one_sentence(said, 'nosuchuser')

    def stopped_with_a_record(self):
        server = self.winsd(self.host, log_level='notice').start()
        Node(self.lab.host('client', '192.0.2.20'), server.address).register(Name('KEPT'))
        self.assertEqual(server.end(), 0)
        server.log.unlink()
        return server

    def refused_and_left_alone(self, server, words):
        before = {p.name: p.read_bytes() for p in server.data.iterdir()}
        status, said = self.refused(server)
        self.assertEqual(status, FAILED)
        self.one_sentence(said, server.data)
        self.assertRegex(said, words)
        self.assertEqual({p.name: p.read_bytes() for p in server.data.iterdir()}, before)

    def test_folder_of_another_format_is_refused_and_left_alone(self):
        server = self.stopped_with_a_record()
        for path in server.data.glob('journal-*'):
            header = path.read_bytes()[:64]
            header = header[:8] + struct.pack('>I', 999) + header[12:60]
            with open(path, 'r+b') as file:
                file.write(header + struct.pack('>I', crc32c(header)))
        self.refused_and_left_alone(server, 'format.*999|999.*format')

    def test_folder_with_a_damaged_file_is_refused_and_left_alone(self):
        server = self.stopped_with_a_record()
        for path in server.data.glob('journal-*'):
            with open(path, 'r+b') as file:
                file.seek(20)
                file.write(b'damage')
        self.refused_and_left_alone(server, 'damage')

    def test_folder_of_somebody_else_is_refused(self):
        server = self.stopped_with_a_record()
        os.chown(server.data, 12345, 12345)
        status, said = self.refused(server)
        self.assertEqual(status, FAILED)
        self.one_sentence(said, server.data)


if __name__ == '__main__':
    tap.main()
