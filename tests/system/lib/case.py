# SPDX-License-Identifier: Apache-2.0
"""A test case with a lab, and one with a lab that has a server and a capture of all it said. What
holds for every test is checked at its end: nothing that tshark calls malformed, no complaint of a
sanitizer."""

import subprocess
import unittest

from . import lab, winsd


class LabCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.close)
        self.addCleanup(self.check_nodes)

    def diagnosis(self):
        """The end of what each program said, for a case that failed."""
        for log in sorted(self.lab.work.glob('*/*.log')):
            lines = log.read_text(errors='replace').splitlines()
            yield f'{log.name} of {log.parent.name}, the last of {len(lines)} lines:'
            yield from (f'  {line[:200]}' for line in lines[-12:])

    def winsd(self, host, **options):
        server = winsd.Winsd(host, **options)
        self.addCleanup(self.check_server, server)
        return server

    def finds(self, folder, name, address):
        """Lets programs find the name, by an /etc/hosts of this run alone: its mounts are its own."""
        hosts = folder / 'hosts'
        hosts.write_text(f'127.0.0.1 localhost\n{address} {name}\n')
        subprocess.run(['mount', '--bind', hosts, '/etc/hosts'], check=True)
        self.addCleanup(subprocess.run, ['umount', '/etc/hosts'], check=True)

    def check_nodes(self):
        self.assertEqual([n.unreadable for n in self.lab.nodes if n.unreadable], [])

    def check_server(self, server):
        if server.process and server.process.running:
            self.assertEqual(server.end(), 0)
        self.assertEqual(server.complaints(), [])


# For tests in which nobody answers a challenge: silence cannot come too late.
SILENCE = {'challenge_interval': '50ms'}


class ServerCase(LabCase):
    """A server at 192.0.2.10 with what `options` says, running and watched. By default who is
    challenged has more than a minute to answer, so that no machine is too slow for it."""

    ADDRESSES = ['192.0.2.10']
    options = {'challenge_interval': '10s'}

    def setUp(self):
        super().setUp()
        self.server_host = self.lab.host('server', *self.ADDRESSES)
        self.capture = self.lab.capture(self.server_host, far=bool(winsd.XDP))
        self.addCleanup(self.check_capture)
        self.server = self.winsd(self.server_host, **self.options)
        self.server.start()

    def check_capture(self):
        self.assertEqual(self.capture.malformed(self.server_host.addresses), '')

    def answers_to(self, address):
        """What the server said to port 137 of the address, challenges included."""
        return [f.message for f in self.capture.seen(
            lambda f: f.dst == address and f.src in self.server_host.addresses)]
