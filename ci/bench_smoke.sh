#!/usr/bin/env bash
# Proves that the benchmark package compiles without its peers (no C compiler, no cmake) and that its
# driver carries a workload on neap and on the system's allocator to a table; each workload of
# the counted pointers; and each of the collectors, with neap's and those peers that need no large stack.
# It measures nothing of worth: see benches/README.md for that.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {
    cargo build --quiet --profile bench --package neap-bench "$@"
}
build --bin neap-bench --bin neap-bench-system
build --features neap --bin neap-bench-neap
"${CARGO_TARGET_DIR:-target}/release/neap-bench" \
    --quick --rounds 1 --only neap,system --workload pair,batch

build --features neap,pointers --bin neap-bench --bin neap-bench-neap --bin neap-bench-system
"${CARGO_TARGET_DIR:-target}/release/neap-bench" pointers \
    --quick --rounds 1 --only neap,system

build --features neap,collectors --bin neap-bench --bin neap-bench-neap
"${CARGO_TARGET_DIR:-target}/release/neap-bench" collectors \
    --quick --rounds 1 --only neap --collector neap,boa,gc-arena,std
