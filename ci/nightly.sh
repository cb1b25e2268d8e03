#!/usr/bin/env bash
# Proves that the feature `nightly` does what it says with a nightly compiler: pointers unsize without the macro, values may hold
# references that end with them, and all that holds of `Rc` holds there, too. And that nothing relies on the order in which
# the compiler lays out fields.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "################################################################"
    echo "# NOT CHECKED: no nightly toolchain for the feature \`nightly\`. #"
    echo "# rustup toolchain install nightly, then run this again.       #"
    echo "################################################################"
    exit 0
fi
cargo +nightly test --quiet --target-dir "${CARGO_TARGET_DIR:-target}/nightly" --features nightly,serde \
    --test nightly --test rc_like_std --test rc_model --test rc_panics --test rc_deep_drops \
    --test gc_shapes --test gc_tools --test gc_weak --test derive

RUSTFLAGS="-Zrandomize-layout" \
    cargo +nightly test --quiet --target-dir "${CARGO_TARGET_DIR:-target}/layout" \
    --test rc_like_std --test rc_panics --test derive --test gc_shapes --test gc_tools --test gc_borrows \
    --test gc_objects --test gc_drop --test gc_finalizers --test gc_weak --test gc_std_types \
    --test gc_callbacks --test gc_check_trace --test gc_wrong_trace
