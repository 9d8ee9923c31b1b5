# SPDX-License-Identifier: Apache-2.0
"""A NetBT client made of a few sockets: asks the server from port 137 of its addresses and, in a
thread of its own, answers the server's challenges for the names it was told it owns. It does
exactly what a test says and nothing by itself, which no real client can be talked into."""

import random
import selectors
import socket
import threading
import time

from . import lab, netbios
from .netbios import Name

ANSWER = 30.0
QUIET = object()


class Silence(AssertionError):
    pass


class Asked:
    """A request that was sent, while `with` lasts: everything that comes in answer to it is kept
    from the first moment on, whoever is faster."""

    def __init__(self, node, packet, source=None, server=None):
        self.node, self.packet, self.where = node, packet, (source, server)
        self.ident = int.from_bytes(packet[:2], 'big')
        self.come = []

    def __enter__(self):
        with self.node.lock:
            self.node.waiting[self.ident] = self
        self.send()
        return self

    def __exit__(self, *_):
        with self.node.lock:
            del self.node.waiting[self.ident]

    def send(self):
        self.node.send(self.packet, *self.where)

    def answers(self, timeout=ANSWER):
        """All answers up to the final one: WACKs before it prolong the wait by what they say.
        Silence is an error."""
        end, known = time.monotonic() + timeout, 0
        with self.node.lock:
            while True:
                while known == len(self.come):
                    if not self.node.lock.wait(max(0, end - time.monotonic())):
                        raise Silence(f'no answer to {self.packet.hex()}, only {self.come}')
                known += 1
                if self.come[known - 1].opcode != netbios.WACK:
                    return self.come[:known]
                end = time.monotonic() + self.come[known - 1].ttl + timeout


class Node:
    def __init__(self, host, server, addresses=None, port=137):
        self.server, self.sockets = server, {}
        self.owned = {}
        self.challenges = []
        self.strays = []     # answers to nothing that is open
        self.unreadable = []
        self.waiting = {}    # id -> Asked
        self.lock = threading.Condition()
        self._poll = selectors.DefaultSelector()
        for address in addresses or host.addresses:
            sock = host.socket()
            sock.bind((address, port))
            self._poll.register(sock, selectors.EVENT_READ)
            self.sockets[address] = sock
        self._stop, wake = socket.socketpair()
        self._poll.register(wake, selectors.EVENT_READ)
        self._wake = wake
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        host.lab.nodes.append(self)

    @property
    def address(self):
        return next(iter(self.sockets))

    def own(self, name, ips):
        """From now on a challenge for the name is answered with these addresses."""
        self.owned[name] = list(ips)

    def disown(self, name):
        """... is answered negatively."""
        self.owned[name] = None

    def close(self):
        if self._thread.is_alive():
            self._stop.send(b'x')
            self._thread.join()
            for sock in self.sockets.values():
                sock.close()

    def _run(self):
        while True:
            for key, _ in self._poll.select():
                if key.fileobj is self._wake:
                    return
                try:
                    data, peer = key.fileobj.recvfrom(65535)
                except OSError:
                    continue  # an ICMP error from a server that is down
                self._take(key.fileobj, data, peer)

    def _take(self, sock, data, peer):
        try:
            message = netbios.Message(data)
        except netbios.Malformed as error:
            self.unreadable.append((error, data.hex(), peer))
            return
        if not message.response:
            self._challenged(sock, message, peer)
            return
        message.peer = peer
        with self.lock:
            if message.id in self.waiting:
                self.waiting[message.id].come.append(message)
                self.lock.notify_all()
            else:
                self.strays.append((message, peer))

    def _challenged(self, sock, message, peer):
        self.challenges.append((message, peer, sock.getsockname()[0]))
        ips = self.owned.get(message.name, QUIET)
        if ips is QUIET:
            return
        answer = (netbios.positive_query_response(message.id, message.name, ips)
                  if ips is not None else
                  netbios.negative_query_response(message.id, message.name))
        sock.sendto(answer, peer)

    def send(self, packet, source=None, server=None):
        self.sockets[source or self.address].sendto(packet, (server or self.server, 137))

    def ask(self, packet, source=None, server=None, timeout=ANSWER, tries=1):
        """Sends and returns all answers up to the final one. Silence is an error."""
        with Asked(self, packet, source, server) as asked:
            for _ in range(tries - 1):
                try:
                    return asked.answers(timeout)
                except Silence:
                    asked.send()
            return asked.answers(timeout)

    def fence(self):
        """Back when the server has decided about all that this node sent before from its first
        address: it takes one sender's packets in their order, and its one registrar too."""
        self.refresh(Name('FENCE'))

    def challenge(self):
        """The first question that the server has for this node."""
        return lab.wait_until(lambda: self.challenges, 5, 'a challenge')[0][0]

    def silent(self, packet, source=None, timeout=0.5):
        """True if nothing comes back."""
        try:
            self.ask(packet, source, timeout=timeout)
        except Silence:
            return True
        return False

    # What clients do, each with a fresh random id; the answer is the final message.

    def query(self, name, source=None, server=None, **more):
        return self.ask(netbios.query(new_id(), name), source, server, **more)[-1]

    def resolve(self, name, **more):
        """The addresses, or None when the server says that there is no such name."""
        answer = self.query(name, **more)
        return answer.ips if answer.rcode == netbios.OK else None

    def request(self, opcode, name, ip=None, nb_flags=netbios.H_NODE, source=None, **more):
        ip = ip or source or self.address
        return self.ask(netbios.request(new_id(), opcode, name, ip, nb_flags), source, **more)

    def register(self, name, ip=None, **more):
        return self.request(netbios.REGISTER, name, ip, **more)[-1]

    def register_group(self, name, ip=None, **more):
        return self.register(name, ip, nb_flags=netbios.GROUP | netbios.H_NODE, **more)

    def multihomed(self, name, ip, **more):
        return self.request(netbios.MULTIHOMED, name, ip, **more)[-1]

    def refresh(self, name, ip=None, **more):
        return self.request(netbios.REFRESH, name, ip, **more)[-1]

    def release(self, name, ip=None, **more):
        return self.request(netbios.RELEASE, name, ip, **more)[-1]


def new_id():
    return random.randrange(1, 0x10000)


__all__ = ['Asked', 'Name', 'Node', 'Silence', 'new_id']
