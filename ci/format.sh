#!/usr/bin/env bash
# Proves that all Rust code of the workspace, and the programs of ci/, are laid out by rustfmt.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
for program in ci/*/Cargo.toml; do
    cargo fmt --check --manifest-path "$program"
done
