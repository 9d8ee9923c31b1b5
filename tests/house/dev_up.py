#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the README promises of `./dev up`, on a copy of the tree in a network namespace of its own:
it starts a server, the commands that it prints work, a record that was acknowledged is there after
kill -9, and a taken port is told with the name of the program that has it."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'system'))
from lib import tap  # noqa: E402

NOBODY = 65534
NOT_COPIED = shutil.ignore_patterns('build*', 'var', '.git', '__pycache__')


class DevUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        cls.tree = pathlib.Path(os.environ[tap.INSIDE]) / 'winsome'
        shutil.copytree(ROOT, cls.tree, ignore=NOT_COPIED)
        # winsd becomes whose clone it is: let that be somebody else than root.
        os.chown(cls.tree, NOBODY, NOBODY)
        cls.dev(cls, 'build', check=True)

    def tearDown(self):
        self.dev('down', check=True)

    def dev(self, *args, check=False):
        done = subprocess.run(['./dev', *args], cwd=self.tree, check=check, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def up(self, *args):
        status, said = self.dev('up', *args)
        self.assertEqual(status, 0, said)
        return said

    def pid(self):
        return int((self.tree / 'var/run/winsd.pid').read_text())

    def commands(self, said):
        return [line for line in said.splitlines() if line.startswith('  build/')]

    def run_commands(self, said):
        for line in self.commands(said):
            done = subprocess.run(line, shell=True, cwd=self.tree, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f'{line}\n{done.stdout}{done.stderr}')
            yield done.stdout

    def test_printed_commands_work(self):
        output = list(self.run_commands(self.up()))
        self.assertGreaterEqual(len(output), 4)
        self.assertIn('192.0.2.7', output[1])

    def test_printed_commands_work_on_another_port_and_address(self):
        self.assertGreaterEqual(len(list(self.run_commands(
            self.up('-o', 'port=10137', '-o', 'listen=127.0.0.2')))), 4)

    def test_acknowledged_record_is_there_after_kill_and_up(self):
        register, query = self.commands(self.up())[:2]
        subprocess.run(register, shell=True, cwd=self.tree, check=True, capture_output=True)
        os.kill(self.pid(), signal.SIGKILL)
        self.up()
        answer = subprocess.run(query, shell=True, cwd=self.tree, capture_output=True, text=True)
        self.assertIn('192.0.2.7', answer.stdout)

    def test_second_up_leaves_the_first_alone(self):
        self.up()
        before = self.pid()
        self.assertIn(f'winsd runs already (pid {before})', self.up())
        self.assertEqual(self.pid(), before)

    def test_other_options_start_it_again(self):
        self.up()
        before = self.pid()
        self.up('-o', 'log-level=debug')
        self.assertNotEqual(self.pid(), before)

    def test_server_is_not_root(self):
        self.up()
        self.assertEqual(os.stat(f'/proc/{self.pid()}').st_uid, NOBODY)

    def test_taken_port_is_told_with_its_program(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(('127.0.0.1', 137))
            status, said = self.dev('up')
        self.assertEqual(status, 1)
        self.assertRegex(said, rf'(?m)^  python3\S* \(pid {os.getpid()}\) on 127\.0\.0\.1:137$')

    def test_wrong_option_is_told(self):
        status, said = self.dev('up', '-o', 'no-such-option=1')
        self.assertEqual(status, 1)
        self.assertIn('no-such-option', said)

    def test_down_ends_it(self):
        self.up()
        pid = self.pid()
        self.assertIn(f'winsd (pid {pid}) has ended', self.dev('down')[1])
        self.assertFalse(os.path.exists(f'/proc/{pid}/exe'))


if __name__ == '__main__':
    tap.main(['ss'])
