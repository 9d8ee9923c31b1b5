# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces with a veth pair between them, the servers in one on one processor, the load
generator in the other on another; and how much of its processor each server got. Layer: bench."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER, RESPONDER, CLIENT, OWNER = '10.255.0.1', '10.255.0.2', '10.255.0.3', '10.255.0.4'
FAST, FAST_CLIENT, FAST_OWNER = '10.254.0.1', '10.254.0.3', '10.254.0.4'  # on a link of their own, see Lab.fast_link
INSIDE = 'WINSOME_BENCH_INSIDE'
UNSHARE = ['unshare', '--net', '--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc']


def enter(argv):
    """Runs this program again in namespaces of its own, which take all it started along when it ends;
    returns inside."""
    if INSIDE in os.environ:
        subprocess.run(['mount', '--make-rprivate', '/'], check=True)
        os.makedirs('/run/netns', exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', 'netns', '/run/netns'], check=True)
        return
    if os.geteuid():
        sys.exit('net: making network namespaces needs root')
    child = subprocess.Popen(UNSHARE + [sys.executable, *argv], env={**os.environ, INSIDE: '1'},
                             preexec_fn=come_first)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.kill())
    sys.exit(child.wait())


def come_first():
    """A session of our own that comes before others on a busy machine. (Linux shares processors among
    sessions first; what nice says counts only within one.)"""
    os.setsid()
    with contextlib.suppress(OSError):  # a kernel without autogroups: nice alone does it
        Path('/proc/self/autogroup').write_text('-20')


def ip(*words):
    subprocess.run(['ip', *words], check=True, stdin=subprocess.DEVNULL)


class Program:
    """A server that runs, and how long it ran and waited for its processor."""

    def __init__(self, lab, words, log, where='server', core=None):
        self.log = log
        with open(log, 'ab') as out:
            self.popen = subprocess.Popen(lab.at(where, words, core), stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out)
        self.pid = self.popen.pid

    def threads(self, pid=None):
        """The folders in /proc of all its threads, and of those of its children."""
        for task in Path(f'/proc/{pid or self.pid}/task').iterdir():
            yield task
            for child in (task / 'children').read_text().split():
                yield from self.threads(child)

    def ran(self):
        """Seconds on the processor, of all threads."""
        return sum(int((task / 'schedstat').read_text().split()[0]) for task in self.threads()) / 1e9

    def memory(self, what='VmRSS'):
        """Bytes resident; VmHWM: the most there ever were."""
        for line in Path(f'/proc/{self.pid}/status').read_text().splitlines():
            if line.startswith(f'{what}:'):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f'{self.pid} has ended')

    def end(self):
        self.popen.terminate()
        if self.popen.wait(60):
            raise RuntimeError(Path(self.log).read_text()[-2000:])


def used(core):
    """Seconds that programs have run on a processor: user, nice and system time."""
    for line in Path('/proc/stat').read_text().splitlines():
        words = line.split()
        if words[0] == f'cpu{core}':
            return sum(map(int, words[1:4])) / os.sysconf('SC_CLK_TCK')
    raise RuntimeError(f'there is no processor {core}')


class Lab:
    """build: of a release, with the benchmarks. A server and a responder have addresses of their own, so
    that both can stand while they take turns."""

    def __init__(self, build, folder, cores):
        self.build, self.cores, self.shown = Path(build).resolve(), cores, []
        self.work = Path(tempfile.mkdtemp(prefix='bench-net-', dir=folder)).resolve()
        self.programs, self.fast = [], ''
        for name in 'server', 'client':
            ip('netns', 'add', name)
            ip('-n', name, 'link', 'set', 'lo', 'up')
        self.link('eth0', (SERVER, RESPONDER), (CLIENT, OWNER))

    @staticmethod
    def link(name, servers, clients):
        """A veth pair NAME and NAMEx."""
        ip('link', 'add', name, 'netns', 'server', 'type', 'veth', 'peer', 'name', f'{name}x', 'netns', 'client')
        for where, link, addresses in ('server', name, servers), ('client', f'{name}x', clients):
            Lab.addresses(where, link, addresses)
            ip('-n', where, 'link', 'set', link, 'up')

    @staticmethod
    def addresses(where, link, addresses):
        for address in addresses:
            ip('-n', where, 'addr', 'add', f'{address}/24', 'dev', link)

    def fast_link(self):
        """Its name. A program in the driver changes what the link costs others, so it has a link to itself."""
        if not self.fast:
            self.fast = 'eth1'
            self.link(self.fast, [FAST], [FAST_CLIENT, FAST_OWNER])
        return self.fast

    def tool(self, name):
        return {'nbperf': self.build / 'src/nbperf/nbperf', 'winsd': self.build / 'src/winsd/winsd',
                'winsctl': self.build / 'src/winsctl/winsctl', 'fill': self.build / 'bench/fill',
                'flood': self.build / 'bench/flood'}[name]

    def at(self, where, words, core=None, nice=-20):
        """The command in its namespace, on its processor. When there are others who want it, a figure
        means something only if we come first."""
        core = self.cores[where == 'client'] if core is None else core
        core = ','.join(map(str, core)) if isinstance(core, list) else core
        return ['ip', 'netns', 'exec', where, 'taskset', '-c', str(core), 'nice', '-n', str(nice),
                *map(str, words)]

    def show(self, words):
        """Remembers each kind of command once, for the report."""
        line = shlex.join(Path(w).name if i == 0 else str(w) for i, w in enumerate(words))
        line = line.replace(str(self.work) + '/', '')
        # rounds differ in the numbers of new names; the responder gets what the server gets
        line = re.sub(r'(-[fk]) [0-9]{4,}', r'\1 NEW', line)
        line = re.sub(r'(-b [0-9.]+,)[0-9.,]+', r'\1...', line)
        if line not in self.shown:
            self.shown.append(line)

    def start(self, words, log, where='server', core=None):
        # taskset, nice and ip netns exec become the program: its pid is the one that we have
        program = Program(self, words, self.work / log, where, core)
        self.programs.append(program)
        self.show(words)
        return program

    def winsd(self, data, conf=None, where='server', cores=None, **options):
        data.mkdir(exist_ok=True)
        name = 'winsd' if where == 'server' else f'winsd-{where}'
        address = SERVER if where == 'server' else CLIENT
        words = [self.tool('winsd'), *(['-c', conf] if conf else []), '-o', f'data-dir={data}', '-o', 'user=',
                 '-o', 'workers=1', '-o', f'control-socket={self.work}/{name}.sock', '-o', f'listen={address}',
                 '-o', 'log-level=warning', '-o', 'names-per-address=0']
        for key, value in options.items():
            words += ['-o', f'{key.replace("_", "-")}={value}']
        return self.start(words, f'{name}.log', where, cores)

    def responder(self, address=RESPONDER, core=None):
        return self.start([self.tool('nbperf'), '--responder', '-b', address, '-t', '24h'],
                          'responder.log', core=core)

    def stop(self, program):
        self.programs.remove(program)
        program.end()

    def await_answer(self, address, seconds, *more):
        """Seconds until something on port 137 answers. more: words for the load."""
        begin = time.monotonic()
        words = [self.tool('nbperf'), f'@{address}', '-c', '1', '-i', '5ms', '-R', '0', '-x', '-q', *more]
        while subprocess.run(self.at('client', words), capture_output=True, check=False).returncode:
            if time.monotonic() - begin > seconds:
                raise TimeoutError(f'{address} does not answer')
        return time.monotonic() - begin

    def perf(self, address, *words, show=True):
        command = [self.tool('nbperf'), f'@{address}', '-j', '-q', *words]
        if show:
            self.show(command)
        done = subprocess.run(self.at('client', command), capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        if not done.stdout:
            raise RuntimeError(f'{shlex.join(map(str, command))}: {done.stderr}')
        return json.loads(done.stdout)

    def perf_behind(self, address, *words):
        """Starts a load and returns it; end_behind gives what it said."""
        command = [self.tool('nbperf'), f'@{address}', '-j', '-q', *words]
        self.show(command)
        return subprocess.Popen(self.at('client', command), stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def perf_beside(self, commands, nice, show=True):
        """Several loads at once: for each its server, its words and its processor."""
        loads = []
        for server, words, core in commands:
            command = [self.tool('nbperf'), server, '-j', '-q', *words]
            if show:
                self.show(command)
            loads.append(subprocess.Popen(self.at('client', command, core, nice), stdin=subprocess.DEVNULL,
                                          text=True, stdout=subprocess.PIPE))
        return [json.loads(load.communicate()[0]) for load in loads]

    def start_at(self, where, words):
        self.show(words)
        return subprocess.Popen(self.at(where, words), stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE)

    @staticmethod
    def more_addresses(count):
        """Of the client, with a route to the server."""
        made = [f'10.255.1.{i + 1}' for i in range(count)]
        for address in made:
            ip('-n', 'client', 'addr', 'add', f'{address}/32', 'dev', 'eth0x')
        ip('-n', 'server', 'route', 'add', '10.255.1.0/24', 'dev', 'eth0')
        return made

    @staticmethod
    def end_behind(load):
        load.terminate()
        out, err = load.communicate(timeout=120)
        return json.loads(out) if out else {'error': err}

    def ctl(self, *words):
        done = subprocess.run([self.tool('winsctl'), '--socket', f'{self.work}/winsd.sock', '--json',
                               *words], capture_output=True, text=True, check=True,
                              stdin=subprocess.DEVNULL)
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def fdatasync_us(self):
        done = subprocess.run(self.at('server', [sys.executable, __file__, self.work]), check=True,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return float(done.stdout)

    def fill(self, names, seconds=500000, first=0):
        """A data folder with so many names."""
        data = self.work / f'data-{names}-{first}'
        subprocess.run(['rm', '-rf', str(data)], check=True)
        data.mkdir()
        words = [self.tool('fill'), data, str(names), str(seconds), str(first)]
        self.show(words)
        subprocess.run(list(map(str, words)), check=True, stdin=subprocess.DEVNULL)
        return data

    def copy(self, data):
        """A folder with the same names, for a second server."""
        into = data.with_name(f'{data.name}-copy')
        subprocess.run(['rm', '-rf', str(into)], check=True)
        subprocess.run(['cp', '-r', str(data), str(into)], check=True)
        return into

    def close(self):
        for program in self.programs:
            with contextlib.suppress(OSError, RuntimeError):
                program.end()
        subprocess.run(['rm', '-rf', str(self.work)], check=False)


def time_fdatasync(folder, times=400):
    """Prints the median microseconds of a write of 80 bytes, as a registration makes, and its fdatasync
    in a file that is there already. A program of its own: it must stand on the server's processor."""
    path = Path(folder, 'sync')
    took = []
    with open(path, 'wb') as file:
        file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())
        for i in range(times):
            begin = time.monotonic_ns()
            os.pwrite(file.fileno(), b'x' * 80, i * 80)
            os.fdatasync(file.fileno())
            took.append(time.monotonic_ns() - begin)
    path.unlink()
    print(sorted(took)[times // 2] / 1e3)


if __name__ == '__main__':
    time_fdatasync(sys.argv[1])
