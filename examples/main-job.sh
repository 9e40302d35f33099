#!/bin/sh
# The main job on a real file: loads tests/data/packages.tsv (package names, versions, sections and
# sizes of a Debian system) into a database, looks things up in it, and proves that it is whole.
#
#   sh examples/main-job.sh [DB]
#
# DB must not exist; without it the database is made in a scratch directory and removed at the end.
# CREEL names the binary; without it, this builds one with cargo.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
data=$here/tests/data/packages.tsv
if [ -z "${CREEL:-}" ]; then
    cargo build --release --quiet --manifest-path "$here/Cargo.toml"
    CREEL=${CARGO_TARGET_DIR:-$here/target}/release/creel
fi
db=${1:-}
if [ -z "$db" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    db=$scratch/packages.creel
fi

# Shows a command and runs it.
run() {
    printf '\n$ creel'
    for word in "$@"; do
        [ "$word" = "$db" ] && word=packages.creel
        printf ' %s' "$word"
    done
    printf '\n'
    "$CREEL" "$@"
}

run open --create "$db"

printf '\n$ sed "s/^/put\\\\t/" tests/data/packages.tsv | creel batch packages.creel --token\n'
tab=$(printf '\t')
sed "s/^/put$tab/" "$data" | "$CREEL" batch "$db" --token

run list "$db" --count
run list "$db" --prefix git
run get "$db" tar --newline
run exists "$db" no-such-package || echo "(exit status $?: no)"
run checkpoint "$db"
run info "$db" --get entries_checkpointed
run verify "$db"

# What went in must come out.
"$CREEL" list "$db" | LC_ALL=C sort >"$db.out"
LC_ALL=C sort "$data" | cmp - "$db.out"
rm -f "$db.out"
printf '\nok: all %s lines of the file came back\n' "$(wc -l <"$data" | tr -d ' ')"
