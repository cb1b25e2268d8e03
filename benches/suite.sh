#!/bin/sh
# What pointers.sh and collectors.sh have in common: builds the driver and the programs of a few allocators
# with the feature $SUITE, and runs the driver.
set -eu
cd "$(dirname "$0")/.."

# build FEATURES NAME…: these binaries, with these features besides the suite's.
build() {
    features=$1
    shift
    for name; do
        shift
        set -- "$@" --bin "$name"
    done
    cargo build --quiet --profile bench -p neap-bench --features "$SUITE,$features" "$@" >&2
}

echo "$SUITE.sh: building; the first time takes a minute or two" >&2
build neap neap-bench neap-bench-neap neap-bench-system
driver=$(cargo metadata --quiet --no-deps --format-version 1 |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/release/neap-bench

# A binary from an earlier build must not stand in for one that does not build now, nor one without the suite
# for one with it.
peers=mimalloc3
case "$*" in *mimalloc2*) peers="$peers mimalloc2" ;; esac
for peer in $peers; do
    rm -f "$driver-$peer"
    build "$peer" "neap-bench-$peer" ||
        echo "$SUITE.sh: $peer DOES NOT BUILD and is left out; the errors are above" >&2
done

exec "$driver" "$SUITE" "$@"
