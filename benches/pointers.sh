#!/bin/sh
# Builds the counted pointers' benchmarks on neap, mimalloc and the system's allocator, and runs them side
# by side.
#
#   benches/pointers.sh [--quick] [any other option of the driver; --help lists them]
#
# Version 2 of mimalloc is built, too, when it is named: `--only neap,mimalloc2,system`. Without a C
# compiler there is no mimalloc; the script says so and goes on.
set -eu
cd "$(dirname "$0")/.."

# build FEATURES NAME…: these binaries, with these features besides `pointers`.
build() {
    features=$1
    shift
    for name; do
        shift
        set -- "$@" --bin "$name"
    done
    cargo build --quiet --profile bench -p neap-bench --features "pointers,$features" "$@" >&2
}

echo "pointers.sh: building; the first time takes a minute or two" >&2
build neap neap-bench neap-bench-neap neap-bench-system
driver=$(cargo metadata --quiet --no-deps --format-version 1 |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/neap-bench

# A binary from an earlier build must not stand in for one that does not build now, nor one without pointers
# for one with them.
peers=mimalloc3
case "$*" in *mimalloc2*) peers="$peers mimalloc2" ;; esac
for peer in $peers; do
    rm -f "$driver-$peer"
    build "$peer" "neap-bench-$peer" ||
        echo "pointers.sh: $peer DOES NOT BUILD and is left out; the errors are above" >&2
done

exec "$driver" pointers "$@"
