#!/usr/bin/env bash
# Runs the checks that take seconds once things are built: what to run before every commit.
# The long ones (loom, stress, sanitizers, valgrind, package, bench_smoke) run on their own and in CI.
set -euo pipefail
cd "$(dirname "$0")"

for check in layers shell format clippy docs fast_path examples; do
    echo "== $check"
    "./$check.sh"
done
