# SPDX-License-Identifier: Apache-2.0
"""An attacker: packets under any source address, one at a time or as many as the machine can send, and how
long an attack lasts. Layer: tests; runs inside tap.inside()."""

import os
import random
import socket
import threading
import time

IP_TRANSPARENT = 19
UDP_SEGMENT, SEGMENTS = 103, 64

SECONDS = float(os.environ.get('ATTACK_SECONDS', '20'))  # of one attack; a campaign sets more
SEED = int(os.environ.get('ATTACK_SEED', str(random.randrange(1 << 32))))


def begin():
    """Seeds the attack and says with what, so that it can be repeated."""
    print(f'# ATTACK_SEED={SEED} ATTACK_SECONDS={SECONDS:g}', flush=True)
    return random.Random(SEED)


def figure(name, value, of=None):
    """A line for the report of tests/attack/campaign.py: how often an attack succeeded, of how many tries."""
    print(f'# figure: {name}: {value}' + (f' of {of}' if of is not None else ''), flush=True)


class Forger:
    """Sends as source (address and port), which need not be the host's. The answers go to whom the address
    belongs."""

    def __init__(self, host, source, port=137):
        self.sent, self.running, self.thread = 0, False, None
        self.sock = host.socket()
        self.sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((source, port))

    def send(self, packet, to, port=137):
        self.sock.sendto(packet, (to, port))
        self.sent += 1

    def flood(self, packets, to, port=137, rate=None):
        """Sends the packets round and round until stop(); all must have the same length, for the kernel cuts
        64 of them out of one call. rate: a second, at most."""
        batches = [b''.join(packets[i:i + SEGMENTS]) for i in range(0, len(packets), SEGMENTS)]
        counts = [len(packets[i:i + SEGMENTS]) for i in range(0, len(packets), SEGMENTS)]
        self.sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(packets[0]))
        self.sock.connect((to, port))
        self.running = True
        self.thread = threading.Thread(target=self._run, args=(batches, counts, rate), daemon=True)
        self.thread.start()
        return self

    def _run(self, batches, counts, rate):
        begun, first = time.monotonic(), self.sent
        while True:
            for batch, count in zip(batches, counts):
                if not self.running:
                    return
                try:
                    self.sock.send(batch)
                except OSError:
                    continue  # nobody listens, or the buffer is full
                self.sent += count
                ahead = (self.sent - first) / rate - (time.monotonic() - begun) if rate else 0
                if ahead > 0:
                    time.sleep(ahead)

    def stop(self):
        self.running = False
        if self.thread:
            self.thread.join()
        self.sock.close()
