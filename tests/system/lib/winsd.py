# SPDX-License-Identifier: Apache-2.0
"""The server under test, started, killed, restarted and asked through its control program."""

import json
import os
import signal
import socket
import subprocess

from . import lab

BUILD = lab.Path(__file__).resolve().parents[3] / 'build' / 'src'  # as ./dev makes it
WINSD = os.environ.get('WINSD', BUILD / 'winsd' / 'winsd')
WINSCTL = os.environ.get('WINSCTL', BUILD / 'winsctl' / 'winsctl')
XDP = os.environ.get('WINSOME_TEST_XDP', '')  # servers answer queries on this interface through AF_XDP
USER = 'nobody'
START = lab.PATIENCE
# 5 s are promised of an idle machine. Where it matters a test makes sure that without the promise it
# would take far longer than this.
ENDS_IN = 30.0
SANITIZER_WORDS = ('ERROR: AddressSanitizer', 'runtime error:', 'LeakSanitizer',
                   'Assertion', 'Sanitizer:')


class Winsd:
    """options: those of winsd.conf(5) with _ for -. It runs as root does in real life: started by
    root, dropping to another user."""

    def __init__(self, host, data=None, **options):
        self.host, self.address, self.process = host, host.addresses[0], None
        self.data = data or host.path('data')
        self.control = host.path('run') / 'winsd.sock'
        self.log = host.path('winsd.log')
        self.conf = host.path('winsd.yaml')
        if not self.conf.exists():
            self.conf.write_text('')
        self.options = {
            'data-dir': self.data, 'control-socket': self.control, 'user': USER,
            'log-level': 'info', **({'xdp': XDP} if XDP else {}),
            **{k.replace('_', '-'): v for k, v in options.items()},
        }

    @property
    def command(self):
        words = [WINSD, '-c', self.conf]
        for key, value in self.options.items():
            words += ['-o', f'{key}={value}']
        return words

    @property
    def pid(self):
        return self.process.pid

    def start(self, env=None):
        """Returns when it serves."""
        self.launch(env)
        lab.wait_until(lambda: self._serving(), START, 'winsd to serve')
        return self

    def launch(self, env=None):
        self.process = self.host.start(*self.command, log=self.log,
                                       env={**os.environ, **(env or {})})
        return self.process

    def _serving(self):
        if not self.process.running:
            raise AssertionError(f'winsd ended with status {self.process.popen.returncode}:\n'
                                 + self.output()[-4000:])
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(str(self.control))
                return True
            except OSError:
                return False

    def kill9(self):
        self.process.end(signal.SIGKILL)

    def end(self, timeout=lab.PATIENCE):
        return self.process.end(signal.SIGTERM, timeout)

    def restart(self, how='kill9'):
        getattr(self, how)()
        return self.start()

    def output(self):
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def complaints(self):
        """Lines that a sanitizer or an assertion left."""
        return [line for line in self.output().splitlines()
                if any(word in line for word in SANITIZER_WORDS)]

    def ctl(self, *words, check=True):
        """winsctl --json: the objects that it printed."""
        done = self.run_ctl('--json', *words)
        if check and done.returncode:
            raise AssertionError(f'winsctl {words}: {done.returncode}: {done.stdout}{done.stderr}')
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def run_ctl(self, *words):
        return subprocess.run([WINSCTL, '--socket', str(self.control), *words],
                              capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)

    def records(self):
        """All records by printed name, as winsctl list --json has them."""
        return {record['name']: record for record in self.ctl('list')}

    def versions(self):
        return {name: record['version'] for name, record in self.records().items()}

    def stats(self):
        return self.ctl('stats')[0]
