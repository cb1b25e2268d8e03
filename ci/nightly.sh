#!/usr/bin/env bash
# Proves that the feature `nightly` does what it says with a nightly compiler: pointers unsize without the macro, values may hold
# references that end with them, and all that holds of `Rc` holds there, too.
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
