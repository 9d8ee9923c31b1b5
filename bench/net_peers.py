# SPDX-License-Identifier: Apache-2.0
"""A row of net.py: NSD and Knot DNS in the same rounds, with the very same packets. A name query without
scope is, byte for byte, a DNS query for 32 characters in the root, TYPE32, class IN: so they serve a root
zone with a record for each name. Layer: bench."""

import shutil
import statistics

from net_lab import RESPONDER, SERVER

NSD, KNOT = '10.255.0.5', '10.255.0.6'
PROGRAMS = {NSD: ('NSD', 'nsd'), KNOT: ('Knot', 'knotd')}
NAMES = {RESPONDER: 'bare', SERVER: 'winsd', NSD: 'NSD', KNOT: 'Knot'}
KINDS = {'hits': 'query hits', 'misses': 'query misses'}

# Both answer with nothing but question and record as they come: the same 68 bytes for a hit.
NSD_CONF = """server:
  ip-address: {address}@137
  server-count: 1
  minimal-responses: yes
  rrl-ratelimit: 0
  username: ""
  database: ""
  zonefiles-check: no
  zonesdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "{zone}"
"""
KNOT_CONF = """server:
  rundir: "{folder}"
  listen: {address}@137
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{folder}"
zone:
  - domain: .
    file: "{zone}"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
log:
  - target: stderr
    any: warning
"""


def write_zone(path, names):
    """The names and addresses of fill.c."""
    def encoded(text):
        return ''.join(chr(65 + (c >> 4)) + chr(65 + (c & 15)) for c in text.encode())
    with open(path, 'w', encoding='ascii') as file:
        file.write('$TTL 518400\n. SOA ns. admin. 1 3600 600 86400 300\n. NS ns.\nns. A 192.0.2.1\n')
        for i in range(names):
            file.write(f'{encoded(f"WS-{i:08}     ")}. TYPE32 \\# 6 6000{0x0a000001 + i % 16000000:08X}\n')


def start_rival(lab, address, zone):
    program = PROGRAMS[address][1]
    folder = lab.work / program
    folder.mkdir(exist_ok=True)
    conf = folder / 'conf'
    text = NSD_CONF if address == NSD else KNOT_CONF
    conf.write_text(text.format(address=address, folder=folder, zone=zone))
    return lab.start([program, *(['-d'] if address == NSD else []), '-c', conf], f'{program}.log')


def median(values):
    return statistics.median(values)


class Turns:
    """The rounds of all of them in one row."""

    def __init__(self, servers):
        self.rate, self.cost = {a: [] for a in servers}, {a: [] for a in servers}
        self.wrong = 0

    def ratio(self, one, other):
        return median([a / b for a, b in zip(self.rate[one], self.rate[other])])

    def share(self, one, other):
        """By processor time an answer."""
        return median([b / a for a, b in zip(self.cost[one], self.cost[other])])

    def line(self, address):
        return (f'  {NAMES[address]:5} {median(self.rate[address]):>9,.0f}/s  ratio '
                f'{self.ratio(address, RESPONDER):.3f}; {median(self.cost[address]):.2f} us of processor an '
                f'answer (share {self.share(address, RESPONDER):.3f})')

    def lead(self, rival):
        return min(self.ratio(SERVER, rival), self.share(SERVER, rival))


def compare(bench, row, names, servers):
    turns, order = Turns(servers), list(servers)
    for i in range(bench.args.rounds):
        for address in order[i % len(order):] + order[:i % len(order)]:
            words = [*bench.words(row, names), *(['-x'] if address == RESPONDER else []),
                     *(['-d'] if address in PROGRAMS else [])]
            said, cost, _ = bench.watched(servers[address], address, words, show=not i)
            turns.rate[address].append(said['per_second'])
            turns.cost[address].append(cost)
            turns.wrong += said['begun'] - said['right']
    leads = {NAMES[a]: turns.lead(a) for a in servers if a in PROGRAMS}
    bench.say(f'{KINDS[row]:28} {names:>9} names, beside DNS servers: '
              + ', '.join(f'{lead:.2f} times {name}' for name, lead in leads.items())
              + ('  no goal' if row != 'hits' else '  goal: ahead of both '
                 + ('MISSED' if min(leads.values()) <= 1 else 'met' if len(leads) == len(PROGRAMS)
                    else 'met as far as they are installed'))
              + (f', {turns.wrong} answers wrong or lost' if turns.wrong else ''))
    for address in servers:
        bench.say(turns.line(address))


def dns(bench):
    lab = bench.lab
    rivals = [address for address, (_, program) in PROGRAMS.items() if shutil.which(program)]
    if not rivals:
        bench.say('beside DNS servers: neither NSD nor Knot DNS is installed')
        return
    lab.addresses('server', 'eth0', rivals)
    for names in sorted({min(100000, bench.args.names), bench.args.names}):
        zone = lab.work / 'root.zone'
        write_zone(zone, names)
        ours = [lab.winsd(lab.fill(names)), *(start_rival(lab, address, zone) for address in rivals)]
        servers = dict(zip([RESPONDER, SERVER, *rivals], [bench.responder, *ours]))
        for address in servers:
            lab.await_answer(address, 300, *(['-d'] if address in PROGRAMS else []))
        for row in KINDS:
            compare(bench, row, names, servers)
        for program in ours:
            lab.stop(program)
