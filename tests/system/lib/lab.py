# SPDX-License-Identifier: Apache-2.0
"""A network of namespaces: hosts with one or more addresses, joined by a router, each with programs
and sockets of its own, and what went over their wires. Layer: tests; runs inside tap.inside()."""

import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from . import netbios, tap

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
PATIENCE = 60.0
libc = ctypes.CDLL(None, use_errno=True)


def wait_until(condition, timeout, what):
    """Asks again and again; returns what condition returned. The timeout is that of an idle machine;
    one that has other things to do gets more, which costs nothing where all is well."""
    timeout = max(timeout, PATIENCE)
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f'waited {timeout} s in vain for {what}')
        time.sleep(0.02)


def ip(*words):
    return subprocess.run(['ip', *words], check=True, capture_output=True, text=True).stdout


class Frame:
    """One UDP datagram that was seen on a wire. head: the IP header in front of it."""

    def __init__(self, head, sport, dport, data):
        self.head, self.sport, self.dport, self.data = head, sport, dport, data
        self.src, self.dst = netbios.ip_text(head[12:16]), netbios.ip_text(head[16:20])

    @property
    def message(self):
        return netbios.Message(self.data)

    def __repr__(self):
        return f'{self.src}:{self.sport} > {self.dst}:{self.dport} {self.data.hex()}'


class Capture:
    """Everything on a host's interfaces, but for loopback, in memory and as a pcap file for tshark. A
    packet socket of our own rather than dumpcap: it is there at once and loses nothing when it is stopped.
    The kernel puts a packet into it before anybody else gets it, and seen() first takes what is there:
    whatever was heard before, on any host, has been seen. only: the names of the interfaces."""

    def __init__(self, host, path, only=()):
        self.path, self.only, self.frames, self.running = path, set(only), [], True
        with host.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.file = open(path, 'wb')
        self.file.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.running:
            if select.select([self.sock], [], [], 0.05)[0]:
                self._take_all()

    def _take_all(self):
        with self.lock:
            while True:
                try:
                    data, where = self.sock.recvfrom(65535, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                if where[0] in self.only or (not self.only and where[0] != 'lo'):
                    self._keep(data)

    def _keep(self, data):
        now = time.time()
        self.file.write(struct.pack('<IIII', int(now), int(now % 1 * 1e6), len(data), len(data)))
        self.file.write(data)
        if len(data) < 42 or data[12:14] != b'\x08\0' or data[23] != 17:
            return
        udp = 14 + (data[14] & 15) * 4
        sport, dport, size = struct.unpack_from('>3H', data, udp)
        self.frames.append(Frame(data[14:udp], sport, dport, data[udp + 8:udp + size]))

    def seen(self, condition=lambda frame: True):
        if self.running:
            self._take_all()
        return [f for f in list(self.frames)
                if 137 in (f.sport, f.dport) and condition(f)]

    def stop(self):
        if self.running:
            self.running = False
            self.thread.join()
            self._take_all()
            self.sock.close()
            self.file.close()

    def malformed(self, addresses):
        """What tshark holds against the packets that came from these addresses."""
        self.stop()
        ours = ' or '.join(f'ip.src == {a}' for a in addresses)
        done = subprocess.run(
            ['tshark', '-n', '-r', self.path, '-d', 'udp.port==137,nbns',
             '-d', 'tcp.port==42,winsrepl',
             '-Y', f'({ours}) and (nbns or tcp.port == 137 or winsrepl) and '
             '(_ws.malformed or _ws.short or (_ws.expert.severity == "Error"))', '-V'],
            capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout


class Process:
    """A program in a host's namespace, its output in a file; ended by its own id only."""

    def __init__(self, host, args, log, **popen):
        self.log = Path(log)
        with open(log, 'ab') as out:
            self.popen = subprocess.Popen(
                [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, preexec_fn=host.enter, start_new_session=True, **popen)
        self.pid = self.popen.pid

    @property
    def running(self):
        return self.popen.poll() is None

    def output(self):
        return self.log.read_text(errors='replace')

    def send_signal(self, number):
        if self.running:
            self.popen.send_signal(number)

    def end(self, number=signal.SIGTERM, timeout=PATIENCE):
        """Sends the signal and waits; returns the exit status."""
        self.send_signal(number)
        return self.popen.wait(timeout)

    def destroy(self):
        self.send_signal(signal.SIGKILL)
        self.popen.wait()


class _Inside:
    """The calling thread is in a host's network while this lasts; sockets made stay there."""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        self.home = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        self.host.enter()

    def __exit__(self, *_):
        enter_namespace(self.home)
        os.close(self.home)


def enter_namespace(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')


class Host:
    def __init__(self, lab, name):
        self.lab, self.name, self.addresses, self.links, self.far = lab, name, [], 0, []
        ip('netns', 'add', name)
        self.fd = os.open(f'/run/netns/{name}', os.O_RDONLY)
        ip('-n', name, 'link', 'set', 'lo', 'up')

    def enter(self):
        enter_namespace(self.fd)

    def inside(self):
        return _Inside(self)

    def add_interface(self, *addresses):
        """An interface in the net of the first address, with all of them on it."""
        net = '.'.join(addresses[0].split('.')[:3])
        self.lab.need_net(net)
        near, far = f'eth{self.links}', f'{self.name}{self.links}'
        ip('link', 'add', near, 'netns', self.name, 'type', 'veth',
           'peer', 'name', far, 'netns', Lab.ROUTER)
        ip('-n', Lab.ROUTER, 'link', 'set', far, 'master', self.lab.nets[net], 'up')
        for address in addresses:
            ip('-n', self.name, 'addr', 'add', f'{address}/24', 'brd', '+', 'dev', near)
        self.link(near, 'up')
        if not self.links:
            ip('-n', self.name, 'route', 'add', 'default', 'via', f'{net}.1')
        self.links += 1
        self.far.append(far)
        self.addresses += addresses
        return near

    def link(self, interface, state):
        """Back when packets pass: the router's end follows ours in its own time."""
        ip('-n', self.name, 'link', 'set', interface, state)
        if state == 'up':
            far = f'{self.name}{interface.removeprefix("eth")}'
            wait_until(lambda: 'state forwarding' in ip('-n', Lab.ROUTER, '-d', 'link', 'show', far),
                       10, f'the cable of {interface} of {self.name}')

    def socket(self, kind=socket.SOCK_DGRAM):
        with self.inside():
            return socket.socket(socket.AF_INET, kind)

    def mac(self, interface):
        link = json.loads(self.run('ip', '-j', 'link', 'show', interface).stdout)[0]
        return bytes.fromhex(link['address'].replace(':', ''))

    def path(self, *parts):
        path = self.lab.work / self.name
        path.mkdir(exist_ok=True)
        return path.joinpath(*parts)

    def start(self, *args, log=None, **popen):
        log = log or self.path(f'{Path(str(args[0])).name}.log')
        process = Process(self, args, log, **popen)
        self.lab.processes.append(process)
        return process

    def run(self, *args, timeout=60, **more):
        return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout,
                              preexec_fn=self.enter, **more)


class Lab:
    """Hosts joined by a router with the address .1 in each net."""

    ROUTER = 'router'
    number = 0

    def __init__(self):
        Lab.number += 1
        self.work = Path(os.environ[tap.INSIDE], f'lab{Lab.number}')
        self.work.mkdir()
        self.hosts, self.nets, self.processes, self.captures, self.nodes = {}, {}, [], [], []
        self.router = self.hosts[self.ROUTER] = Host(self, self.ROUTER)
        with self.router.inside():
            Path('/proc/sys/net/ipv4/ip_forward').write_text('1')

    def need_net(self, net):
        if net in self.nets:
            return
        bridge = f'br{len(self.nets)}'
        # No spanning tree, no multicast snooping: forwards from the first packet on.
        ip('-n', self.ROUTER, 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0')
        ip('-n', self.ROUTER, 'addr', 'add', f'{net}.1/24', 'brd', '+', 'dev', bridge)
        ip('-n', self.ROUTER, 'link', 'set', bridge, 'up')
        self.nets[net] = bridge

    def host(self, name, *interfaces):
        """interfaces: an address, or a tuple of addresses on the same interface."""
        host = Host(self, name)
        self.hosts[name] = host
        for addresses in interfaces:
            host.add_interface(*([addresses] if isinstance(addresses, str) else addresses))
        return host

    def capture(self, host, far=False):
        """far: at the other ends of the host's links, where what goes past its kernel is seen too."""
        path = host.path(f'capture{len(self.captures)}.pcap')
        capture = Capture(self.router, path, host.far) if far else Capture(host, path)
        self.captures.append(capture)
        return capture

    def close(self):
        for node in self.nodes:
            node.close()
        for process in self.processes:
            process.destroy()
        for capture in self.captures:
            capture.stop()
        while self.hosts:
            _, host = self.hosts.popitem()
            os.close(host.fd)
            ip('netns', 'del', host.name)
