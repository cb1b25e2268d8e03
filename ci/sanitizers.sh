#!/usr/bin/env bash
# Proves that neap has no data race that ThreadSanitizer can see and no access out of bounds that
# AddressSanitizer can see, while ci/exercise moves blocks between threads, lets threads die with
# live blocks, and grows, shrinks and checks them.
#
# Sanitizers need a nightly compiler. The standard library that comes with it is not instrumented, so
# ThreadSanitizer does not see all of its synchronisation and would report innocent code of std and
# of the test harness. Hence a program of our own: it has no harness, its threads talk through atomics
# only, and neap is called directly, beside the system's allocator that serves std. What remains is
# std's reference count of a thread's result: ci/exercise/tsan.supp.
# AddressSanitizer runs the program with neap as its global allocator, and the tests of `Rc` besides. (Not tests/rc_deep.rs: its frames
# have no room for their red zones on the small stacks that it is about.)
#
# Each sanitizer is first tried on a mistake made on purpose, so a run that sees nothing fails.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "################################################################"
    echo "# NOT CHECKED: no nightly toolchain, so no sanitizer was run.  #"
    echo "# rustup toolchain install nightly, then run this again.       #"
    echo "################################################################"
    exit 0
fi
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
target="${CARGO_TARGET_DIR:-target}/sanitizers"
export TSAN_OPTIONS="suppressions=$PWD/ci/exercise/tsan.supp halt_on_error=0 exitcode=66"
export ASAN_OPTIONS="detect_leaks=0 exitcode=66"

check() { # name, cargo features, the mistake it must see
    local name=$1 features=$2 mistake=$3 program="$target/$1/$host/release/exercise" status=0
    echo "== $name sanitizer"
    RUSTFLAGS="-Zsanitizer=$name -Cunsafe-allow-abi-mismatch=sanitizer" \
        cargo +nightly build --quiet --release --manifest-path ci/exercise/Cargo.toml \
        --features "$features" --target "$host" --target-dir "$target/$name"
    "$program" "$mistake" >/dev/null 2>&1 || status=$?
    if ((status != 66)); then
        echo "the $name sanitizer did not see the mistake that is there on purpose (exit $status)" >&2
        return 1
    fi
    echo "it sees the mistake that is there on purpose"
    "$program" 10
}
check thread "" wrong-race
check address global wrong-out-of-bounds

echo "== address sanitizer, the tests of Rc and Gc"
# Without its second stacks for locals: the tests' coroutines do not tell it when they switch.
ASAN_OPTIONS+=" detect_stack_use_after_return=0"
RUSTFLAGS="-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer" \
    cargo +nightly test --quiet --release --target "$host" --target-dir "$target/address" \
    --test rc_like_std --test rc_model --test rc_panics --test rc_deep_drops \
    --test gc_shapes --test gc_tools --test gc_drop --test gc_finalizers --test gc_weak --test derive \
    --test gc_weak_maps --test gc_weak_maps_random \
    --test gc_borrows --test gc_objects --test gc_std_types --test gc_callbacks --test gc_check_trace \
    --test gc_wrong_trace --test gc_generations --test gc_all_graphs \
    --test gc_bare --test gc_bare_wrong_trace
