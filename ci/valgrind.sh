#!/usr/bin/env bash
# Proves that neap, as the global allocator of a program, never decides anything by memory that
# nobody wrote, and touches no memory that it has not mapped: ci/exercise under memcheck. The same for
# `Rc` and `Gc`, with their tests of single operations and random ones.
# That memcheck sees neap's memory at all is tried first, with a program that is wrong on purpose.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    echo "valgrind.sh needs valgrind (apt-get install valgrind)" >&2
    exit 1
fi
target="${CARGO_TARGET_DIR:-target}"
cargo build --quiet --release --manifest-path ci/exercise/Cargo.toml --features global \
    --target-dir "$target"
memcheck=(valgrind --quiet --error-exitcode=99 "$target/release/exercise")

if "${memcheck[@]}" wrong-uninitialised 2>/dev/null; then
    echo "memcheck did not see the mistake that is there on purpose" >&2
    exit 1
fi
echo "memcheck sees the mistake that is there on purpose"
"${memcheck[@]}" 1

cargo test --quiet --test rc_like_std --test rc_model --test gc_shapes --test gc_tools --test gc_weak --test gc_weak_maps --no-run
tests=$(cargo test --test rc_like_std --test rc_model --test gc_shapes --test gc_tools --test gc_weak --test gc_weak_maps --no-run --message-format json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
[ -n "$tests" ] || { echo "no tests of Rc were built" >&2; exit 1; }
for test in $tests; do
    PROPTEST_CASES=8 valgrind --quiet --error-exitcode=99 "$test" --test-threads=1
done
