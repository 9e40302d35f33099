#!/bin/sh
# The main job on a real file: imports tests/data/packages.jsonl (names, versions, sections and
# sizes of a Debian system's packages), looks things up, and proves that all of it is whole.
#
#   sh examples/main-job.sh [DB]
#
# DB must not exist; without it the database is made in a scratch directory and removed at the end.
# CREEL names the binary; without it, this builds one with cargo.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
data=$here/tests/data/packages.jsonl
if [ -z "${CREEL:-}" ]; then
    cargo build --release --quiet --manifest-path "$here/Cargo.toml"
    CREEL=${CARGO_TARGET_DIR:-$here/target}/release/creel
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
db=${1:-$scratch/packages.creel}

# Shows a command and runs it.
run() {
    printf '\n$ creel'
    for word in "$@"; do
        case $word in
        "$db") word=packages.creel ;;
        "$data") word=tests/data/packages.jsonl ;;
        "$scratch"/*) word=${word#"$scratch"/} ;;
        esac
        printf ' %s' "$word"
    done
    printf '\n'
    "$CREEL" "$@"
}

printf '$ head -n 2 tests/data/packages.jsonl\n'
head -n 2 "$data"

run import "$db" "$data" --create --field-map key=name 2>&1
run list "$db" --count
run list "$db" --prefix git --keys-only
run get "$db" tar --newline
run exists "$db" no-such-package || echo "(exit status $?: no)"
run verify "$db"

# What went in must come out.
"$CREEL" list "$db" --values >"$scratch/back.jsonl"
sed 's/\\\\/\\/g' "$scratch/back.jsonl" | cmp - "$data"
run export "$db" -o "$scratch/packages.export.jsonl" 2>&1
run import "$scratch/copy.creel" "$scratch/packages.export.jsonl" --create -q
"$CREEL" digest "$db" | cut -d' ' -f1 >"$scratch/digest"
"$CREEL" digest "$scratch/copy.creel" | cut -d' ' -f1 | cmp - "$scratch/digest"
printf '\nok: all %s lines of the file came back, from a copy too\n' \
    "$(wc -l <"$data" | tr -d ' ')"
