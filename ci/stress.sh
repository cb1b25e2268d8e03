#!/usr/bin/env bash
# Proves that long runs hold: blocks moved between threads at random with their contents checked,
# threads that come and go with live blocks, structures of ten million objects, and counts up to where
# they end the process, in release, at the length that NEAP_LONG=1 sets.
set -euo pipefail
cd "$(dirname "$0")/.."

NEAP_LONG=1 cargo test --release --test stress --test threads --test rc_deep --test rc_counts
