# SPDX-License-Identifier: Apache-2.0
"""Many requests at once from one socket, a window of them open, and what was acknowledged of them:
the memory against which a server is measured that was killed in between."""

import random
import select
import time

from . import netbios
from .netbios import Message, Name

ACTIVE, RELEASED = 'active', 'released'


class Open:
    """A request without its answer yet."""

    def __init__(self, name, after, packet, sock):
        self.name, self.after, self.packet, self.sock = name, after, packet, sock
        self.send()

    def send(self):
        self.sent = time.monotonic()
        try:
            self.sock.send(self.packet)
        except OSError:
            pass  # the server is down: it is sent again, or given up


class Burst:
    """noted: name -> (state, address) as acknowledged. doubtful: names whose last request has no
    answer, with the state that it would have made; one open request for each name at most."""

    WINDOW = 64
    AGAIN = 5.0

    def __init__(self, host, server):
        self.socks = {}
        for address in host.addresses:
            sock = self.socks[address] = host.socket()
            sock.bind((address, 137))
            sock.connect((server, 137))
            sock.setblocking(False)
        self.noted, self.doubtful, self.open = {}, {}, {}
        self.acknowledged, self.refused = 0, []

    def close(self):
        for sock in self.socks.values():
            sock.close()

    def _open(self, name, after, make, address=None):
        """From the address that it is about, if that is ours: a release counts only then."""
        ident = random.randrange(0x10000)
        while ident in self.open:
            ident = random.randrange(0x10000)
        sock = self.socks.get(address) or next(iter(self.socks.values()))
        self.open[ident] = Open(name, after, make(ident), sock)

    def request(self, opcode, name, address, after):
        self.doubtful[name] = after
        self._open(name, after, lambda i: netbios.request(i, opcode, name, address), address)

    def ask(self, name):
        self._open(name, None, lambda i: netbios.query(i, name))

    def take(self, timeout, answered):
        """Receives what is there, waiting at most so long for the first."""
        for sock in select.select(self.socks.values(), [], [], timeout)[0]:
            while True:
                try:
                    message = Message(sock.recv(2048))
                except OSError:
                    break
                request = self.open.get(message.id)
                if request and request.name == message.name:  # else a late one, to one given up
                    del self.open[message.id]
                    answered(request, message)

    def note(self, request, message):
        if message.rcode != netbios.OK or message.opcode == netbios.WACK:
            self.refused.append((request.name, message))
        else:
            self.noted[request.name] = request.after
            self.acknowledged += 1
        del self.doubtful[request.name]

    def give_up(self):
        self.open.clear()

    def repeat_silent(self):
        now = time.monotonic()
        for request in self.open.values():
            if now - request.sent > self.AGAIN:
                request.send()

    def more(self, count):
        """For change(): until so many more are acknowledged or something is refused."""
        enough = self.acknowledged + count
        return lambda: self.refused or self.acknowledged >= enough

    def change(self, names, over, choose):
        """Keeps the window full with what choose(name, noted) says (opcode, address, after), until
        over()."""
        free = [n for n in names if n not in self.doubtful]
        while not over():
            while len(self.open) < self.WINDOW and free:
                name = free.pop(random.randrange(len(free)))
                self.request(*self._chosen(choose, name))
            before = set(self.doubtful)
            self.take(0.01, self.note)
            self.repeat_silent()
            free += before - set(self.doubtful)

    def _chosen(self, choose, name):
        opcode, address, after = choose(name, self.noted.get(name))
        return opcode, name, address, after

    def register_all(self, names, address_of):
        """Each name once, repeated until answered; no new ones after the first refusal."""
        waiting = list(names)
        while self.open or (waiting and not self.refused):
            while len(self.open) < self.WINDOW and waiting and not self.refused:
                name = waiting.pop()
                address = address_of(name)
                self.request(netbios.REGISTER, name, address, (ACTIVE, address))
            self.take(0.1, self.note)
            self.repeat_silent()

    def resolve_all(self, names, timeout=60):
        """name -> addresses, None where the server knows none."""
        found, waiting, end = {}, list(names), time.monotonic() + timeout

        def answered(request, message):
            found[request.name] = message.ips if message.rcode == netbios.OK else None

        while waiting or self.open:
            if time.monotonic() > end:
                raise TimeoutError(f'{len(self.open) + len(waiting)} queries without answer')
            while len(self.open) < self.WINDOW and waiting:
                self.ask(waiting.pop())
            self.take(0.1, answered)
            self.repeat_silent()
        return found

    def wrong(self):
        """Names that the server does not have as it acknowledged them. A doubtful request may have
        happened or not, and is settled by what is there now."""
        found = self.resolve_all(set(self.noted) | set(self.doubtful))
        bad = {}
        for name, ips in found.items():
            now = (ACTIVE, ips[0]) if ips else (RELEASED, None)
            allowed = [self.noted.get(name, (RELEASED, None))]
            if name in self.doubtful:
                allowed.append(self.doubtful[name])
            if now not in allowed or (ips and len(ips) != 1):
                bad[name] = (ips, allowed)
            self.noted[name] = now
        self.doubtful.clear()
        return bad


def numbered(count, letter='N'):
    return [Name(f'{letter}{i:07d}') for i in range(count)]
