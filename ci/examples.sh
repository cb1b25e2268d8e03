#!/usr/bin/env bash
# Proves that the tour runs to its end in release and says what it promises: every part is there,
# nothing that lies on neap's heap goes unfound, and memory has gone back.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(cargo run --quiet --release --example tour)
printf '%s\n' "$out"

need() {
    grep -qE "$1" <<<"$out" || { echo "the tour does not say: $1" >&2; exit 1; }
}
need '^neap [0-9.]+ · the allocator'
need 'a pool of 64 KiB, [0-9,]+ blocks'
need 'a run of .* in an arena'
need 'a mapping of its own'
need 'indexed, each thread its share'
need 'Size classes at that moment: [1-9]'
need 'live blocks before'
need '^neap [0-9.]+ · the counted pointer'
need '^  made +1 +0'
need '^  in a function that was handed a clone +2 '
need '^  in a function that was handed two +3 '
need '^  in a function that it was lent to, as &Rc +1 '
need 'the same block'
need 'upgrade\(\) is None'
need 'a list of 5,000,000 nodes dropped on a stack of 64 KiB: [0-9]+ ns a node'
need '^neap [0-9.]+ · the collector'
need '^  neap::Gc +[0-9.]+ ns an object'
need '^    Node 10 COLLECTED'
need '^    Node 20 COLLECTED'
need 'A collection found 2 objects: weak alive\? false'
need '^  generation 2 collected +0 +0 +0 +600 '
! grep -q 'not found on the walk' <<<"$out" || { echo "the walk misses a live block" >&2; exit 1; }
lines=$(wc -l <<<"$out")
((lines <= 140)) || { echo "the tour is $lines lines long: 140 is enough" >&2; exit 1; }
if [ -r /proc/self/status ]; then
    back=$(sed -n 's|.*: \([0-9]*\)[.0-9]* % has gone back.*|\1|p' <<<"$out")
    ((back >= 90)) || { echo "only $back % of the memory has gone back" >&2; exit 1; }
fi
# No colour where nobody looks.
! grep -q $'\x1b' <<<"$out" || { echo "colour in a pipe" >&2; exit 1; }
