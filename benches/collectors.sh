#!/bin/sh
# Builds the collectors' benchmarks on neap, mimalloc and the system's allocator, and runs them side by side.
#
#   benches/collectors.sh [--quick] [any other option of the driver; --help lists them]
#
# Without a C compiler there is no mimalloc, without python3 no CPython; the driver says so and goes on.
set -eu
cd "$(dirname "$0")"
SUITE=collectors exec ./suite.sh "$@"
