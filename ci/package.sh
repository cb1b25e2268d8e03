#!/usr/bin/env bash
# Proves that the crate, and that of its macro, could be published as they are: each builds from its
# own archive, neap's holds the licences, the README and the tour, and nothing that only this
# repository needs.
set -euo pipefail
cd "$(dirname "$0")/.."

files=$(cargo package --list --allow-dirty --package neap)
for file in LICENSE-MIT LICENSE-APACHE README.md src/lib.rs examples/tour/main.rs; do
    grep -qxF "$file" <<<"$files" || { echo "not in the package: $file" >&2; exit 1; }
done
if grep -E '^(\.ci|ci|derive|fuzz|benches)/' <<<"$files"; then
    echo "the files above do not belong in the package" >&2
    exit 1
fi
# Both together: the one needs the other, which is on no registry before.
cargo publish --dry-run --allow-dirty --package neap-derive --package neap
