#!/bin/sh
# Builds neap and its peers, one binary for each allocator, and runs them side by side.
#
#   benches/compare.sh [--quick] [any other option of the driver; --help lists them]
#
# A peer that does not build is named and left out. The C and C++ peers need a compiler; snmalloc needs
# cmake, which is installed here when it is missing and apt-get is at hand.
set -eu
cd "$(dirname "$0")/.."

if ! command -v cmake >/dev/null; then
    echo "compare.sh: cmake is missing (snmalloc is built with it); installing it" >&2
    { apt-get update && apt-get install -y cmake; } >&2 ||
        echo "compare.sh: could not install cmake; snmalloc will be left out" >&2
fi

# build FEATURE NAME…: the binaries of these allocators, with one feature enabled.
build() {
    feature=$1
    shift
    for name; do
        shift
        set -- "$@" --bin "neap-bench-$name"
    done
    cargo build --quiet --profile bench -p neap-bench --features "$feature" "$@" >&2
}

echo "compare.sh: building; the first time takes minutes" >&2

# What must build: the driver, the system's allocator and neap. Each feature is a build of its own, so
# the peers are not built again when neap has changed.
cargo build --quiet --profile bench -p neap-bench --bin neap-bench --bin neap-bench-system >&2
build neap neap
driver=$(cargo metadata --quiet --no-deps --format-version 1 |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/neap-bench

# A binary from an earlier build must not stand in for one that does not build now.
peers="mimalloc3 jemalloc snmalloc rpmalloc rusty_alloc scudo tcmalloc"
for peer in mimalloc2 $peers; do rm -f "$driver-$peer"; done

# All at once; only when that fails, one after another, to find out which. mimalloc2 is the same package
# as mimalloc3 with another feature, so it is never among them.
# shellcheck disable=SC2086
build peers $peers || suspects=$peers
for peer in mimalloc2 ${suspects:-}; do
    build "$peer" "$peer" ||
        echo "compare.sh: $peer DOES NOT BUILD and is left out; the errors are above" >&2
done

exec "$driver" "$@"
