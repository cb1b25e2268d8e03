"""The workloads of the collectors, in Python: what an interpreter's collector of cycles makes of them.

    python3 cpython.py cc_pairs --rounds 3
    python3 cpython.py --list

It takes the options of a cell and prints what a cell prints (see ../cell.rs). The shapes are those of the modules beside this one, each
of which says why; times are those of an interpreter, so only pauses, memory and what waits are worth a comparison.
"""

import gc
import random
import sys
import time
from collections import deque
from statistics import median

WORKLOADS = {}


def workload(function):
    """Makes a function a workload of its name."""
    WORKLOADS["cc_" + function.__name__] = function
    return function


class Node:
    __slots__ = ("value", "next")

    def __init__(self, value, next):
        self.value = value
        self.next = next


class Twin:
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        self.first = first
        self.second = second


class Tree:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


class Many:
    """Any number of edges, and bytes; the number of those that are there is known."""

    __slots__ = ("edges", "payload")
    live = 0

    def __init__(self, edges, size):
        self.edges = edges
        self.payload = b"\1" * size
        Many.live += 1

    def __del__(self):
        Many.live -= 1


def resident(field):
    """MiB that the kernel says are resident."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    return 0.0


class Meter:
    """The clock of one cell."""

    def __init__(self, rounds, budget):
        self.wanted = max(rounds, 1)
        self.budget = budget
        self.started = time.perf_counter()
        self.warm = False
        self.rounds = []
        self.figures = {}

    def more(self):
        done = len(self.rounds)
        late = time.perf_counter() - self.started > self.budget
        return done == 0 or (done < self.wanted and not late)

    def count(self, operations, seconds):
        if self.warm:
            self.rounds.append(seconds * 1e9 / operations)
        self.warm = True

    def time(self, operations, work):
        begin = time.perf_counter()
        work()
        self.count(operations, time.perf_counter() - begin)

    def once(self, operations, seconds):
        self.warm = True
        self.count(operations, seconds)


@workload
def create_node(meter):
    objects = 1_000_000

    def work():
        for i in range(objects):
            Node(i, None)

    while meter.more():
        meter.time(objects, work)


def singly(meter):
    nodes = 100_000

    def work():
        head = None
        for i in range(nodes):
            head = Node(i, head)

    while meter.more():
        meter.time(nodes, work)


WORKLOADS["cc_list"] = singly


def rounds(meter, objects, cycles, close):
    shares = []
    while meter.more():
        begin = time.perf_counter()
        for _ in range(cycles):
            close()
        collection = time.perf_counter()
        gc.collect()
        end = time.perf_counter()
        meter.count(objects, end - begin)
        shares.append((end - collection) * 1e9 / objects)
    meter.figures["last_collection"] = median(shares[1:])


def close_self():
    node = Node(0, None)
    node.next = node


def close_pair():
    first = Node(0, None)
    first.next = Node(1, first)


def close_ring(size):
    first = last = Node(0, None)
    for i in range(1, size):
        last = Node(i, last)
    first.next = last


@workload
def selves(meter):
    rounds(meter, 200_000, 200_000, close_self)


@workload
def pairs(meter):
    rounds(meter, 200_000, 100_000, close_pair)


@workload
def rings(meter):
    rounds(meter, 200_000, 200, lambda: close_ring(1000))


def graph_of(objects):
    numbers = random.Random(61)
    order = [*range(objects)]
    numbers.shuffle(order)
    table = [Twin(None, None) for _ in range(objects)]
    for place in range(objects):
        table[order[place]].first = table[order[(place + 1) % objects]]
        table[place].second = table[numbers.randrange(objects)]
    return table


def beside(meter, live, target):
    batch, pair_bytes, patience = 16, 48.0, 2.0
    longest, made, before = [], 0, None
    gc.collect()
    while meter.more():
        begin = last = time.perf_counter()
        pause, batches = 0.0, 0
        while batches < 4 * live // (2 * batch) and last - begin < patience:
            for _ in range(batch):
                first = Twin(None, None)
                first.first = Twin(first, target())
                del first
            now = time.perf_counter()
            pause = max(pause, now - last)
            last = now
            batches += 1
        meter.count(batches * batch * 2, last - begin)
        if before is None:
            before = resident("VmRSS:")
        else:
            longest.append(pause)
            made += batches * batch
    meter.figures["pause_ms"] = median(longest) * 1e3
    if made >= live:
        meter.figures["kept"] = max(resident("VmRSS:") - before, 0) * 2**20 / (made * pair_bytes)


@workload
def small_1m(meter):
    table = graph_of(1_000_000)
    beside(meter, len(table), lambda: None)


@workload
def small_5m(meter):
    table = graph_of(5_000_000)
    beside(meter, len(table), lambda: None)


@workload
def liveedge(meter):
    table = graph_of(1_000_000)
    numbers = random.Random(71)
    beside(meter, len(table), lambda: table[int(numbers.random() * 1_000_000)])


@workload
def full(meter):
    objects = 1_000_000
    root = graph_of(objects)[0]
    while meter.more():
        walk = root
        for _ in range(objects):
            walk = walk.first
        meter.time(objects, gc.collect)


@workload
def idle(meter):
    head = None
    for i in range(10_000_000):
        head = Node(i, head)
    gc.collect()
    times = []
    begin = time.perf_counter()
    while not times or time.perf_counter() - begin < 2:
        start = time.perf_counter()
        gc.collect()
        times.append((time.perf_counter() - start) * 1e6)
    meter.figures["collection_us"] = median(times)


@workload
def graph(meter):
    places, changes = 100_000, 200_000
    numbers = random.Random(41)
    table = [Twin(None, None)]
    for place in range(1, places):
        table.append(Twin(table[numbers.randrange(place)], table[numbers.randrange(place)]))
    plan = []
    for _ in range(changes):
        place = numbers.randint(1, places - 1)
        plan.append(
            (place, numbers.randrange(place), numbers.randrange(place), numbers.randrange(4))
        )

    def work():
        for place, first, second, kind in plan:
            if kind == 0:
                table[place] = Twin(table[first], table[second])
            else:
                target = None if kind == 1 else table[first]
                if second % 2:
                    table[place].second = target
                else:
                    table[place].first = target

    while meter.more():
        meter.time(changes, work)


def grow(depth):
    if depth == 0:
        return Tree(None, None)
    return Tree(grow(depth - 1), grow(depth - 1))


def count(tree):
    if tree.left is None:
        return 1
    return 1 + count(tree.left) + count(tree.right)


@workload
def trees(meter):
    while meter.more():
        meter.time(2**17 - 1, lambda: count(grow(16)))


def linked(nodes, before):
    head = Twin(None, None)
    for _ in range(1, nodes):
        head.second = front = Twin(head, None)
        head = front
    head.second = before
    return head


def unattended(meter, size, make):
    begin = time.perf_counter()
    made = 0
    for mark, name in (500_000, "rss_500k_mib"), (5_000_000, "rss_5m_mib"):
        while made < mark:
            make()
            made += size
        meter.figures[name] = resident("VmRSS:")
    meter.once(made, time.perf_counter() - begin)


@workload
def surprise(meter):
    live = linked(10_000, None)
    unattended(meter, 5000, lambda: linked(5000, live))


def uncalled_selves(meter):
    unattended(meter, 1, close_self)


def uncalled_pairs(meter):
    unattended(meter, 2, close_pair)


WORKLOADS["cc_5m_selves"] = uncalled_selves
WORKLOADS["cc_5m_pairs"] = uncalled_pairs


@workload
def hub(meter):
    center = Twin(None, None)

    def make():
        first = Twin(None, center)
        first.first = Twin(first, center)

    unattended(meter, 2, make)


def per_object(make):
    objects = 4_000_000
    table = [None] * objects
    before = resident("VmRSS:")
    for i in range(objects):
        table[i] = make(i)
    return (resident("VmRSS:") - before) * 2**20 / objects


@workload
def bytes_u64(meter):
    meter.figures["bytes"] = per_object(lambda i: i + 1000)


@workload
def bytes_node(meter):
    # A small number as value: what is measured is the object, not the number.
    meter.figures["bytes"] = per_object(lambda i: Node(1, None))


@workload
def dll(meter):
    nodes = 5_000_000
    while meter.more():
        head = linked(nodes, None)
        begin = time.perf_counter()
        del head
        gc.collect()
        meter.count(nodes, time.perf_counter() - begin)


class Watch:
    """Counts what waits, and times the steps."""

    def __init__(self):
        self.begin = self.last = time.perf_counter()
        self.longest = 0.0
        self.most = 0

    def step(self, reachable):
        self.most = max(self.most, Many.live - reachable)
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last)
        self.last = now

    def note(self, meter, garbage):
        meter.once(garbage, self.last - self.begin)
        meter.figures["waiting"] = self.most
        meter.figures["kept"] = self.most / garbage
        meter.figures["pause_ms"] = self.longest * 1e3
        meter.figures["peak_mib"] = resident("VmHWM:")


def ring(size, payload):
    first = last = Many([], payload)
    for _ in range(1, size):
        last = Many([last], 0)
    first.edges.append(last)


def mix(meter, cycle, payload, live, garbage, growing=False):
    table = [Many([], 0) for _ in range(0 if growing else live)]
    steps = garbage // cycle
    every = max(steps // live, 1)
    numbers = random.Random(81)
    watch = Watch()
    for step in range(steps):
        ring(cycle, payload)
        if not growing:
            table[numbers.randrange(live)] = Many([], 0)
        elif step % every == 0:
            table.append(Many([], 0))
        watch.step(len(table))
    watch.note(meter, garbage)


@workload
def mix_small(meter):
    mix(meter, 10, 0, 100, 2_000_000)


@workload
def mix_middle(meter):
    mix(meter, 10, 0, 30_000, 2_000_000)


@workload
def mix_heavy(meter):
    mix(meter, 10, 10_000, 10_000, 500_000)


@workload
def mix_heavier(meter):
    mix(meter, 100, 100_000, 30_000, 500_000)


@workload
def mix_growing(meter):
    mix(meter, 10, 1000, 200_000, 2_000_000, growing=True)


def once(meter, operations, work):
    begin = time.perf_counter()
    kept = work()
    meter.once(operations, time.perf_counter() - begin)
    meter.figures["peak_mib"] = resident("VmHWM:")
    del kept


@workload
def keys(meter):
    entries = 2_000_000
    ends = [Node(i, None) for i in range(1000)]

    def work():
        return {(ends[i % 1000], ends[i // 1000 % 1000], i): i for i in range(entries)}

    once(meter, entries, work)


@workload
def tuples(meter):
    entries = 15_000_000
    end = Node(0, None)

    def work():
        return [(end, None) for _ in range(entries)]

    once(meter, entries, work)


@workload
def waiting(meter):
    table = [Many([], 0) for _ in range(1000)]
    watch = Watch()
    for _ in range(200_000):
        ring(10, 0)
        watch.step(len(table))
    watch.note(meter, 2_000_000)


@workload
def requests(meter):
    kept = deque()
    watch = Watch()
    for _ in range(20_000):
        first = Many([], 64 << 10)
        for _ in range(1, 20):
            first.edges.append(Many([first], 0))
        kept.append(first)
        del first
        if len(kept) > 100:
            kept.popleft()
        watch.step(len(kept) * 20)
    watch.note(meter, 20_000 * 20)


def main(arguments):
    if arguments[:1] == ["--list"]:
        print("\n".join(WORKLOADS))
        return 0
    name, *options = arguments or [""]
    if name not in WORKLOADS:
        print(f"no workload `{name}`", file=sys.stderr)
        return 1
    options = dict(zip(options[::2], map(int, options[1::2])))
    meter = Meter(options.get("--rounds", 5), options.get("--budget-ms", 10_000) / 1e3)
    WORKLOADS[name](meter)
    print("workload", name)
    print("unit ns")
    if meter.rounds:
        print("rounds", *(f"{value:.4f}" for value in meter.rounds))
        print(f"median {median(meter.rounds):.4f}")
    print(f"peak_kib {resident('VmHWM:') * 1024:.0f}")
    for figure, value in meter.figures.items():
        print(f"{figure} {value:.6f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
