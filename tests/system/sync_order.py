# SPDX-License-Identifier: Apache-2.0
"""The system calls of a running server, seen by strace: the answer to a lone registration leaves
after the sync that followed the write of its record, and queries write
nothing. Design: store, ways data flows."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import lab, tap
from lib.burst import numbered
from lib.case import ServerCase
from lib.node import Node

CLIENT = '192.0.2.95'
CALLS = ('pwrite64,pwritev,pwritev2,write,writev,fsync,fdatasync,sync_file_range,msync,'
         'sendmsg,sendmmsg,sendto')
LINE = re.compile(r'^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)?(.*)$')


class Call:
    """A system call with the numbers of the lines where it began and where it returned."""

    def __init__(self, thread, name, begin, text):
        self.thread, self.name, self.begin, self.end, self.text = thread, name, begin, None, text

    @property
    def failed(self):
        return re.search(r'= -1 ', self.text) is not None

    @property
    def fd(self):
        return self.text.split(',')[0].split(')')[0].strip()


def read_trace(text):
    calls, unfinished = [], {}
    for number, line in enumerate(text.splitlines()):
        match = LINE.match(line)
        if not match:
            continue
        thread, name, rest = match.groups()
        if 'resumed>' in line:
            call = unfinished.pop((thread, name), None)
            if call is None:
                continue
            call.text += rest
        else:
            call = Call(thread, name, number, rest)
            calls.append(call)
        if re.search(r'\) += ', line):
            call.end = number
        else:
            unfinished[thread, name] = call
    return calls


def hexed(raw):
    return ''.join(f'\\x{b:02x}' for b in raw)


class SyncOrder(ServerCase):
    def setUp(self):
        super().setUp()
        self.node = Node(self.lab.host('client', CLIENT), self.server.address)

    def traced(self, request, names):
        """What the server did while it answered one request for each name, one after another."""
        trace = self.server_host.path('strace.out')
        strace = self.server_host.start('strace', '-f', '-p', self.server.pid, '-o', trace,
                                        '-e', f'trace={CALLS}', '-xx', '-s', '8192')
        lab.wait_until(lambda: 'attached' in strace.output(), 20, 'strace to attach')
        for name in names:
            request(name)
        # strace tells of the last answer a little after the client has it.
        lab.wait_until(lambda: len(self.sends(read_trace(trace.read_text()))) >= len(names), 20,
                       'strace to see every answer')
        strace.end(signal.SIGINT)
        return read_trace(trace.read_text())

    def sends(self, calls):
        return [c for c in calls if c.name.startswith('send') and c.end is not None]

    def test_answer_to_a_lone_registration_leaves_after_the_sync_of_its_write(self):
        names = numbered(20, 'S')
        self.calls = self.traced(self.node.register, names)
        for name in names:
            self.check_order(name)

    def check_order(self, name):
        record = hexed(name.raw[:15])
        writes = [c for c in self.calls if 'write' in c.name and record in c.text]
        answer = hexed(name.encode()[1:33])
        sends = [c for c in self.sends(self.calls) if answer in c.text]
        self.assertEqual((len(writes), len(sends)), (1, 1), name)
        write, send = writes[0], sends[0]
        syncs = [c for c in self.calls if c.name in ('fsync', 'fdatasync') and c.fd == write.fd
                 and not c.failed and c.begin > write.end and c.end and c.end < send.begin]
        self.assertGreaterEqual(len(syncs), 1, name)

    def test_queries_write_nothing(self):
        name = numbered(1, 'Q')[0]
        self.node.register(name)
        calls = self.traced(self.node.query, [name] * 50)
        sends = self.sends(calls)
        self.assertEqual(len(sends), 50)
        # Nor do they make another thread write: that would be woken with a write. What else the
        # others do, in their own time, is none of the queries' doing.
        workers = {c.thread for c in sends}
        self.assertEqual({c.name for c in calls if c.thread in workers and c not in sends}, set())


if __name__ == '__main__':
    tap.main(['strace'])
