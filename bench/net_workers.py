# SPDX-License-Identifier: Apache-2.0
"""Rows of net.py: what a second worker brings, on a machine with two processors. A load needs a processor as
much as a server does, so each worker shares its own with a load of its own: one of each on the first
processor, in turns with one of each on both. What server and load reach together must then double; bare
responders tell what is lost by the kernel and the load. Layer: bench."""

import statistics

from net_lab import RESPONDER, SERVER

TWO, PINNED, RESPONDER_TWO = '10.255.0.7', '10.255.0.8', '10.255.0.9'
KINDS = {  # row of net.py: (what, goal)
    'hits': ('query hits', 1.7),
    'misses': ('query misses', 1.7),
    'mixed': ('mixed 70/10/18/2', 1.7),
    'register': ('new durable registrations', None),  # one thread decides and writes them all
}
NICER = 5  # as the workers are: a load that comes before its worker interrupts it for each packet
SOCKETS = 16  # of each load, for the kernel to spread over the workers
FRESH = 400000  # new names of one load in a second, at most


def median(values):
    return statistics.median(values)


class Side:
    """One server, or two bare ones, under one load or two."""

    def __init__(self, programs, addresses):
        self.programs, self.addresses, self.rate, self.cost = programs, addresses, [], []

    def round(self, bench, row, names, any_answer):
        """Loads of so many addresses at once, each on the next processor."""
        commands = []
        fresh = bench.fresh
        for core, address in zip(bench.lab.cores, self.addresses):
            words = [*bench.words(row, names), '-S', str(SOCKETS), *(['-x'] if any_answer else [])]
            commands.append((f'@{address}', words, core))
            take_names(bench, 1)
        bench.fresh = fresh
        ran = sum(program.ran() for program in self.programs)
        said = bench.lab.perf_beside(commands, -20 if any_answer else -20 + NICER, show=not self.rate)
        ran = sum(program.ran() for program in self.programs) - ran
        self.rate.append(sum(load['per_second'] for load in said))
        self.cost.append(ran * 1e6 / (sum(load['answered'] for load in said) or 1))
        return sum(load['begun'] - load['right'] for load in said)


def take_names(bench, loads):
    """New names are others in each round and for each load, and the same for each side."""
    bench.fresh += loads * int(FRESH * max(1, bench.args.seconds))


def line(what, goal, one, two):
    """How many times one of them two are: by answers a second, and as it would be if processor time an
    answer were all that counts."""
    rate = median([b / a for a, b in zip(one.rate, two.rate)])
    cost = median([2 * a / b for a, b in zip(one.cost, two.cost)])
    said = f'goal {goal:.2f} ' + ('met' if min(rate, cost) >= goal else 'MISSED') if goal else 'no goal'
    return (f'  {what:22} {median(one.rate):>9,.0f}/s, two {median(two.rate):>9,.0f}/s: {rate:.2f} times  {said}; '
            f'{median(one.cost):.2f} and {median(two.cost):.2f} us of processor an answer: {cost:.2f} times')


def workers(bench):
    lab, names = bench.lab, bench.args.names
    lab.addresses('server', 'eth0', [TWO, PINNED, RESPONDER_TWO])
    data = lab.fill(names)
    copy = lab.copy(data)
    one = lab.winsd(data)
    two = lab.winsd(copy, cores=lab.cores, listen=TWO, control_socket=lab.work / 'two.sock', workers=2)
    pinned = lab.winsd(lab.copy(copy), cores=lab.cores, listen=PINNED, workers=2, pin_workers='true',
                       control_socket=lab.work / 'pinned.sock')
    bare = lab.responder(RESPONDER_TWO, lab.cores[1])
    for address in (SERVER, TWO, PINNED, RESPONDER_TWO):
        lab.await_answer(address, 120)
    for row, (what, goal) in KINDS.items():
        sides = [Side([one], [SERVER]), Side([two], [TWO, TWO]), Side([pinned], [PINNED, PINNED]),
                 Side([bench.responder], [RESPONDER]), Side([bench.responder, bare], [RESPONDER, RESPONDER_TWO])]
        wrong = 0
        for i in range(bench.args.rounds):
            first = i % len(sides)
            for side in sides[first:] + sides[:first]:
                wrong += side.round(bench, row, names, RESPONDER in side.addresses)
            take_names(bench, 2)
        bench.say(f'two workers, {what}, {names} names' + (f', {wrong} answers wrong or lost' if wrong else ''))
        bench.say(line('one worker', goal, sides[0], sides[1]))
        bench.say(line('the same, pin-workers', goal, sides[0], sides[2]))
        bench.say(line('one bare responder', None, sides[3], sides[4]))
    for program in one, two, pinned, bare:
        lab.stop(program)
