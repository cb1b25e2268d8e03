#!/usr/bin/env bash
# Proves that clippy finds nothing: every feature set, all targets (tests, examples, benches), the
# benchmark package without its peers (with and without pointers), the code as loom sees it, and the
# programs of ci/.
set -euo pipefail
cd "$(dirname "$0")/.."

check() {
    echo "+ $*"
    "$@" -- -D warnings
}

check cargo clippy --quiet --all-targets --no-default-features
check cargo clippy --quiet --all-targets --no-default-features --features gc
check cargo clippy --quiet --all-targets
# Every feature but `nightly`, which a stable compiler refuses.
check cargo clippy --quiet --all-targets --features allocator-api2,serde
# The collector without its macro, and the macro.
check cargo clippy --quiet --lib --no-default-features --features gc
check cargo clippy --quiet --package neap-derive --all-targets
check cargo clippy --quiet --package neap-bench --features neap --all-targets
check cargo clippy --quiet --package neap-bench --features neap,pointers --all-targets
check cargo clippy --quiet --package neap-bench --features neap,collectors --all-targets
check cargo clippy --quiet --package neap-bench --features neap,pointers,collectors --all-targets
# A target folder of its own: the flag changes every crate of the build.
RUSTFLAGS="--cfg neap_loom" check cargo clippy --quiet --lib --test loom \
    --target-dir "${CARGO_TARGET_DIR:-target}/loom"
for program in ci/*/Cargo.toml; do
    check cargo clippy --quiet --manifest-path "$program" --target-dir "${CARGO_TARGET_DIR:-target}"
done
