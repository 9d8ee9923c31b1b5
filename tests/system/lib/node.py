# SPDX-License-Identifier: Apache-2.0
"""A NetBT client made of a few sockets: asks the server from port 137 of its addresses and, in a
thread of its own, answers the server's challenges for the names it was told it owns. It does
exactly what a test says and nothing by itself, which no real client can be talked into."""

import random
import selectors
import socket
import threading
import time

from . import netbios
from .netbios import Name

ANSWER = 3.0


class Silence(AssertionError):
    pass


class Node:
    def __init__(self, host, server, addresses=None, port=137):
        self.server, self.sockets = server, {}
        self.owned = {}
        self.challenges = []
        self.strays = []     # answers to nothing that is open
        self.unreadable = []
        self._waiting = {}
        self._lock = threading.Condition()
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
        with self._lock:
            if message.id in self._waiting:
                self._waiting[message.id].append((message, peer))
                self._lock.notify_all()
            else:
                self.strays.append((message, peer))

    def _challenged(self, sock, message, peer):
        self.challenges.append((message, peer, sock.getsockname()[0]))
        if message.name not in self.owned:
            return
        ips = self.owned[message.name]
        answer = (netbios.positive_query_response(message.id, message.name, ips)
                  if ips is not None else
                  netbios.negative_query_response(message.id, message.name))
        sock.sendto(answer, peer)

    def send(self, packet, source=None, server=None):
        self.sockets[source or self.address].sendto(packet, (server or self.server, 137))

    def ask(self, packet, source=None, server=None, timeout=ANSWER, tries=1):
        """Sends and returns all answers up to the final one: WACKs before it prolong the wait by
        what they say. Silence is an error."""
        ident = int.from_bytes(packet[:2], 'big')
        answers = []
        with self._lock:
            self._waiting[ident] = []
        try:
            for _ in range(tries):
                self.send(packet, source, server)
                if self._collect(ident, answers, timeout):
                    return answers
        finally:
            with self._lock:
                del self._waiting[ident]
        raise Silence(f'no answer to {packet.hex()}, only {answers}')

    def _collect(self, ident, answers, timeout):
        end = time.monotonic() + timeout
        while True:
            with self._lock:
                while not self._waiting[ident]:
                    if not self._lock.wait(max(0, end - time.monotonic())):
                        return False
                message, peer = self._waiting[ident].pop(0)
            message.peer = peer
            answers.append(message)
            if message.opcode != netbios.WACK:
                return True
            end = time.monotonic() + message.ttl + timeout

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


__all__ = ['Name', 'Node', 'Silence', 'new_id']
