# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of a test file and says how each ended in TAP, so that single cases are counted.
Before that it moves the whole run into namespaces of its own (process, network, mount): whatever
happens to the run, nothing that it started or mounted outlives it."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import unittest

INSIDE = 'WINSOME_TEST_WORK'
KEEP = 'WINSOME_TEST_KEEP'  # a folder for the captures and logs of runs that failed
UNSHARE = ['unshare', '--net', '--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc']
PR_SET_PDEATHSIG = 1


class TapResult(unittest.TestResult):
    def __init__(self, total):
        super().__init__()
        print(f'1..{total}', flush=True)

    def _line(self, verdict, test, note=''):
        name = getattr(test, '_testMethodName', str(test)).removeprefix('test_')
        print(f'{verdict} {self.testsRun} - {name}{note}', flush=True)

    def _failure(self, test, err):
        self._line('not ok', test)
        for line in ''.join(traceback.format_exception(*err)).splitlines():
            print('# ' + line, flush=True)
        for line in getattr(test, 'diagnosis', list)():
            print('# ' + line, flush=True)

    def addSuccess(self, test):
        self._line('ok', test)

    def addError(self, test, err):
        super().addError(test, err)
        self._failure(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failure(test, err)

    def addSkip(self, test, reason):
        self._line('ok', test, f' # SKIP {reason}')

    def addSubTest(self, test, subtest, err):
        if err is not None:
            super().addSubTest(test, subtest, err)
            self._failure(subtest, err)


def needed(programs):
    missing = [p for p in programs if not shutil.which(p, path=os.environ['PATH'] + ':/usr/sbin')]
    return ', '.join(missing)


def outside(programs):
    """Makes the work folder, runs this file again inside, clears up."""
    missing = needed(['unshare', 'ip', 'tshark', *programs])
    if os.geteuid() or missing:
        print('1..0 # SKIP ' + (f'not installed: {missing}' if missing else
                                'making network namespaces needs root'))
        return 0
    work = tempfile.mkdtemp(prefix='winsome-test-')
    os.chmod(work, 0o755)
    libc = ctypes.CDLL(None)
    child = subprocess.Popen(
        UNSHARE + [sys.executable, *sys.argv], env={**os.environ, INSIDE: work},
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    def end(number, _frame):
        child.kill()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        status = child.wait()
        if status and KEEP in os.environ:
            subprocess.run(['cp', '-a', work, os.environ[KEEP]], check=False)
        return status
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(work, ignore_errors=True)


def inside():
    # A folder for ip-netns(8) that nobody else sees.
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)
    os.makedirs('/run/netns', exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', 'netns', '/run/netns'], check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    module = sys.modules['__main__']
    loader = unittest.TestLoader()
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:], module)
    else:
        suite = loader.loadTestsFromModule(module)
    result = TapResult(suite.countTestCases())
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


def main(programs=()):
    """To be called at the end of each test file with the foreign programs that it needs. Arguments
    on the command line choose cases (Class.test_name)."""
    sys.exit(inside() if INSIDE in os.environ else outside(programs))
