#!/usr/bin/env bash
# Proves that every line of src/ keeps to the order of the rooms:
#
#     global, gc  >  ptr  >  heap  >  pool  >  arena  >  misuse, settings, line  >  os  >  the ground floor
#
# (`global` knows neither `ptr` nor `gc`, and they do not know it.)
# A room (src/heap.rs and src/heap/) uses only itself and rooms below it, and another room only through
# its parent file, never what lies inside it. The ground floor knows itself alone. Read are all paths
# that start with `crate::` or `super::`, in `use` lines and in the midst of code, comments left out;
# src/lib.rs holds no logic and is not asked.
#
# First the check is tried on rooms that break the rules, made up for that: it must find each.
#
#   ci/layers.sh [folder to read instead of src]
set -euo pipefail
cd "$(dirname "$0")/.."

layers() { # folder
    (cd "$1" && find . -name '*.rs' | sed 's|^\./||' | LC_ALL=C sort) | awk -v root="$1" '
        BEGIN {
            floor("config units sync bits stack stats", 0)
            floor("os", 1)
            floor("line misuse settings", 2)
            floor("arena", 3)
            floor("pool", 4)
            floor("heap", 5)
            floor("ptr", 6)
            floor("global", 7)
            floor("gc", 7)
            stranger["global", "ptr"]; stranger["ptr", "global"]
            stranger["global", "gc"]; stranger["gc", "global"]
        }
        function floor(names, height,    i, n, list) {
            n = split(names, list, " ")
            for (i = 1; i <= n; i++) rank[list[i]] = height
        }
        { files[++count] = $0; exists[$0] = 1 }
        END {
            for (f = 1; f <= count; f++) if (files[f] != "lib.rs") read_file(files[f])
            if (wrong) exit 1
            print paths " paths in " count " files keep to the order"
        }

        # Module path of the file: own[1..deep]; own[1] is its room.
        function read_file(file,    module, line, number, text, depth, indent) {
            module = file; sub(/\.rs$/, "", module); sub(/\/mod$/, "", module)
            deep = split(module, own, "/")
            if (!(own[1] in rank)) { complain(file, 0, "the room `" own[1] "` has no place in the order"); return }
            inner = 0; number = 0
            while ((getline line < (root "/" file)) > 0) {
                number++
                sub(/\/\/.*/, "", line)
                # Modules written inside the file deepen what `super` means; rustfmt closes them at
                # the indentation at which they were opened.
                match(line, /^ */); indent = RLENGTH
                if (inner > 0 && line ~ /^ *}/ && indent == opened[inner]) inner--
                if (line ~ /^ *(pub(\([a-z ]*\))? )?mod [a-z_0-9]+ *\{/ && line !~ /\}/) opened[++inner] = indent
                text = line
                # A brace that is opened in a path is closed on a later line, perhaps.
                while (text ~ /(crate|super)::[A-Za-z_0-9:]*\{/ && opens(text) > 0 && (getline line < (root "/" file)) > 0) {
                    number++; sub(/\/\/.*/, "", line); text = text " " line
                }
                while (match(text, /(^|[^A-Za-z_0-9:$])(crate|super)::/)) {
                    text = substr(text, RSTART)
                    sub(/^[^cs]/, "", text)
                    S = text; P = 1
                    tree(file, number, "")
                    text = substr(text, 8)
                    # What the tree covered is not looked at again, other paths of the line are.
                    if (P > 8) text = substr(S, P)
                }
            }
            close(root "/" file)
        }
        function opens(text,    copy, a, b) {
            copy = text; a = gsub(/\{/, "", copy); b = gsub(/\}/, "", copy)
            return a - b
        }
        # Parses `a::b::{c, d::e}` at S[P] and judges each path.
        function tree(file, number, prefix,    segment, c) {
            for (;;) {
                while (substr(S, P, 1) ~ /[ \t]/) P++
                if (substr(S, P, 1) == "{") {
                    P++
                    for (;;) {
                        while (substr(S, P, 1) ~ /[ \t,]/) P++
                        c = substr(S, P, 1)
                        if (c == "}" || c == "") { P++; return }
                        tree(file, number, prefix)
                        while ((c = substr(S, P, 1)) != "" && c != "," && c != "}") P++
                    }
                }
                if (match(substr(S, P), /^[A-Za-z_0-9]+/)) segment = substr(S, P, RLENGTH)
                else if (substr(S, P, 1) == "*") segment = "*"
                else { judge(file, number, prefix); return }
                P += length(segment)
                prefix = prefix (prefix == "" ? "" : " ") segment
                if (substr(S, P, 2) != "::") { judge(file, number, prefix); return }
                P += 2
            }
        }
        function judge(file, number, path,    n, part, i, k, here, full, room, inside) {
            n = split(path, part, " ")
            i = 1; paths++
            if (part[1] == "crate") { here = 0; i = 2 }
            else {
                here = deep + inner
                while (i <= n && part[i] == "super") { here--; i++ }
            }
            if (here > 0) return              # the path stays in its own room
            if (here < 0 || i > n) { complain(file, number, "leads out of the crate, or is the whole of it"); return }
            room = part[i]; inside = part[i + 1]
            if (room == own[1]) return
            if (!(room in rank)) { complain(file, number, "`" room "` is no room: name the room that has it"); return }
            if (rank[room] > rank[own[1]] || (own[1], room) in stranger)
                complain(file, number, "`" own[1] "` must not know `" room "`, which is above it, or beside it")
            else if (inside != "" && ((room "/" inside ".rs") in exists || (room "/" inside "/mod.rs") in exists))
                complain(file, number, "`" inside "` lies inside `" room "`: go through src/" room ".rs")
        }
        function complain(file, number, what) {
            print root "/" file ":" number ": " what
            wrong = 1
        }
    '
}

self_test() {
    local rooms status=0 rule
    rooms=$(mktemp -d)
    # shellcheck disable=SC2064 # the name as it is now
    trap "rm -rf '$rooms'" EXIT
    mkdir -p "$rooms"/{heap,pool,os}
    echo 'mod heap; mod pool; mod bits; mod os; pub use heap::inner::X;' >"$rooms/lib.rs"
    echo 'use crate::pool::Pool;' >"$rooms/heap.rs"
    printf '%s\n' '// use crate::global::Neap;' 'use super::super::{bits, pool::{Pool, Free as F}};' \
        'use crate::{' '    os,' '    bits::{self, Map},' '};' 'mod tests {' '    use super::super::x;' '}' \
        >"$rooms/heap/refill.rs"
    echo 'use crate::bits::Map; fn f(x: crate::os::Range) { super::os::commit(x) }' >"$rooms/pool.rs"
    touch "$rooms/pool/class.rs" "$rooms/bits.rs" "$rooms/os.rs" "$rooms/ptr.rs"
    if ! layers "$rooms" >"$rooms/said"; then
        echo "layers.sh finds fault with rooms that keep the rules:" >&2
        cat "$rooms/said" >&2
        return 1
    fi
    # One broken rule each: file, then the line that breaks it.
    while read -r file rule; do
        mv "$rooms/$file" "$rooms/saved"
        printf '%s\n' "$rule" >"$rooms/$file"
        if layers "$rooms" >"$rooms/said"; then
            echo "layers.sh does not see in $file: $rule" >&2
            status=1
        fi
        mv "$rooms/saved" "$rooms/$file"
    done <<'RULES'
pool.rs use crate::heap::Heap;
pool/class.rs use crate::{bits, heap};
pool/class.rs use super::super::heap::Heap;
bits.rs fn f() -> usize { crate::os::page_size() }
bits.rs use super::os;
os.rs let a = (crate::bits::X, crate::heap::Y);
heap.rs use crate::pool::class::SizeClass;
heap/refill.rs use crate::{bits::Map, pool::{Pool, class::SizeClass}};
heap.rs use crate::Neap;
heap.rs use crate::*;
ptr.rs use crate::global::Neap;
RULES
    return "$status"
}

self_test
layers "${1:-src}"
