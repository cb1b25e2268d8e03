#!/usr/bin/env bash
# Proves that the benchmark package compiles without its peers (no C compiler, no cmake) and that a
# workload runs to its end on neap. It measures nothing: see benches/README.md for that.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --package neap-bench --no-default-features
