#!/usr/bin/env bash
# Proves that the documentation builds without a warning: no dead link, no missing page, private
# items included, since the essays of the inner files link to each other.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTDOCFLAGS="-D warnings"
# Every feature but `nightly`, which a stable compiler refuses.
cargo doc --no-deps --features allocator-api2,serde
cargo doc --no-deps --features allocator-api2,serde --document-private-items
cargo doc --no-deps --package neap-derive --document-private-items
