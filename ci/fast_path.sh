#!/usr/bin/env bash
# Proves that with a block at hand, allocating is at most 7 instructions of neap's and freeing at most
# 6 (fat LTO, the layout known), with no call and no locked instruction among them: the shortest way
# from entry to return in the machine code of ci/fast_path, which is printed with that way marked.
# Not counted: `ret`, and the push and pop of a frame, which inlined code shares with its function.
# One of each is the load of the thread's heap; without it (6 and 5) it was slower: heap/magazine.rs.
#
#   ci/fast_path.sh [most to allocate] [most to free]
set -euo pipefail
cd "$(dirname "$0")/.."

most_make=${1:-7}
most_drop=${2:-6}
if [ "$(uname -m)" != x86_64 ]; then
    echo "NOT CHECKED: the counts are for x86-64, this is $(uname -m)"
    exit 0
fi
if ! command -v objdump >/dev/null; then
    echo "fast_path.sh needs objdump (apt-get install binutils)" >&2
    exit 1
fi

target="${CARGO_TARGET_DIR:-target}"
cargo build --quiet --release --manifest-path ci/fast_path/Cargo.toml \
    --target-dir "$target/fast_path"
program="$target/fast_path/release/fast_path"
"$program"

# One function's listing; then a breadth-first search over its instructions. A call or a jump out of
# the function is the slow path: the search does not go there.
look() { # function, limit
    objdump --disassemble="$1" --no-show-raw-insn -M intel "$program" | awk -v name="$1" -v limit="$2" '
        BEGIN { n = 0 }
        /^ *[0-9a-f]+:\t/ {
            address = $1; sub(":", "", address)
            text = $0; sub(/^[^\t]*\t/, "", text); sub(/[ \t]+$/, "", text)
            at[address] = n; where[n] = address; line[n] = text; n++
        }
        END {
            if (n == 0) { print name ": not found in the program"; exit 1 }
            for (i = 0; i < n; i++) parent[i] = -2
            parent[0] = -1; queue[0] = 0; tail = 1; end = -1
            for (head = 0; head < tail && end < 0; head++) {
                i = queue[head]
                split(line[i], word, /[ \t]+/); verb = word[1]
                if (verb == "bnd" || verb == "notrack") verb = word[2]
                if (verb == "ret") { end = i; break }
                if (verb == "call" || verb == "ud2" || verb == "int3" || verb == "hlt") continue
                if (verb ~ /^j/) {
                    goal = word[2]; sub(/^0x/, "", goal)
                    if (goal in at) visit(at[goal], i)
                    if (verb == "jmp") continue
                }
                if (i + 1 < n) visit(i + 1, i)
            }
            if (end < 0) {
                for (i = 0; i < n; i++) print "    " line[i]
                print name ": no way to a return without a call"; exit 1
            }
            count = 0; thread = 0; bad = ""
            for (i = end; i >= 0; i = parent[i]) {
                hit[i] = 1
                if (line[i] !~ /^(push|pop|ret)/) count++
                if (line[i] ~ /fs:/) thread = 1
                if (line[i] ~ /^lock|xchg .*\[/) bad = line[i]
            }
            for (i = 0; i < n; i++) printf "  %s %6s  %s\n", (i in hit) ? ">" : " ", where[i], line[i]
            printf "%s: %d instructions (at most %d)\n\n", name, count, limit
            if (bad != "") { print name ": a locked instruction on the fast path: " bad; exit 1 }
            if (!thread) { print name ": the way found touches no thread-local: it is not the fast path"; exit 1 }
            if (count > limit) { print name ": too many"; exit 1 }
        }
        function visit(j, from) { if (parent[j] == -2) { parent[j] = from; queue[tail++] = j } }
    '
}
status=0
look fast_path_alloc "$most_make" || status=1
look fast_path_make "$most_make" || status=1
look fast_path_drop "$most_drop" || status=1
exit "$status"
