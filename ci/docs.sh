#!/usr/bin/env bash
# Proves that the documentation builds without a warning: no dead link, no missing page, private
# items included, since the essays of the inner files link to each other.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTDOCFLAGS="-D warnings"
cargo doc --no-deps --all-features
cargo doc --no-deps --all-features --document-private-items
