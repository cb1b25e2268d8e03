#!/usr/bin/env bash
# Proves that shellcheck finds nothing in the scripts, and that .ci/run forgets none of them.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v shellcheck >/dev/null; then
    echo "shell.sh needs shellcheck (apt-get install shellcheck)" >&2
    exit 1
fi
shellcheck .ci/run ci/*.sh benches/*.sh
for script in ci/*.sh; do
    name=$(basename "$script" .sh)
    [ "$name" = all ] || grep -qwE "$name" .ci/run || { echo ".ci/run does not call $script" >&2; exit 1; }
    [ -x "$script" ] || { echo "$script is not executable" >&2; exit 1; }
done
