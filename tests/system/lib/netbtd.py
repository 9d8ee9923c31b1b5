# SPDX-License-Identifier: Apache-2.0
"""The node under test: netbtd on a host, and what it says of its names through winsctl."""

import json
import os
import subprocess

from . import lab, winsd

NETBTD = os.environ.get('NETBTD', winsd.BUILD / 'netbtd' / 'netbtd')


class Netbtd(winsd.Winsd):
    """options: those of winsd.conf(5) below node, with _ for -."""

    def __init__(self, host, **options):
        super().__init__(host, data=host.path('node'))
        self.control = host.path('run') / 'netbtd.sock'
        self.log = host.path('netbtd.log')
        self.options.pop('xdp', None)  # is for servers
        self.options.update({'data-dir': self.data, 'control-socket': self.control,
                             'node.resolve-socket': ''})
        self.options.update({'node.' + k.replace('_', '-'): v for k, v in options.items()})

    @property
    def command(self):
        return [NETBTD, *super().command[1:]]

    @property
    def state_file(self):
        return self.data / '.node-names'

    def entries(self):
        """(name, interface address, state) of every name on every interface."""
        return sorted((e['name'], e['address'], e['state'])
                      for e in self.ctl('node', 'list'))

    def wait_for(self, names, addresses, state='Registered', timeout=20):
        """Until exactly these names are on exactly these addresses."""
        wanted = sorted((n, a, state) for n in names for a in addresses)
        seen = []

        def as_wanted():
            seen[:] = self.entries()
            return seen == wanted
        try:
            lab.wait_until(as_wanted, timeout, 'the names')
        except TimeoutError:
            raise AssertionError(f'{seen} instead of {wanted}') from None

    def ghosts(self):
        return self.ctl('node', 'ghosts')
