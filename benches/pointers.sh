#!/bin/sh
# Builds the counted pointers' benchmarks on neap, mimalloc and the system's allocator, and runs them side
# by side.
#
#   benches/pointers.sh [--quick] [any other option of the driver; --help lists them]
#
# Version 2 of mimalloc is built, too, when it is named: `--only neap,mimalloc2,system`. Without a C
# compiler there is no mimalloc; the script says so and goes on.
set -eu
cd "$(dirname "$0")"
SUITE=pointers exec ./suite.sh "$@"
