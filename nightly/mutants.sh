#!/bin/bash
# Mutants of format, wal, store, tree and db that no test notices: `nightly/mutants.sh ONE-IN PART`
# looks at one in so many of those that `cargo mutants --list` names (parts 0 to ONE-IN - 1 are all).
# All are woven into one program, in a copy of the source (nightly/mutate), and judged with small
# budgets: first all within seconds, then the rest with more time, then the tests that noticed
# something once more without a mutant. Needs cargo-mutants (`cargo install cargo-mutants --locked`).
set -u
cd "$(dirname "$0")/.." || exit 1
. nightly/skipped.sh
command -v cargo-mutants >/dev/null || { skipped mutants "cargo-mutants is not installed"; exit; }
WORK=$(realpath -m "${MUTANTS_WORK:-target/mutants}")
ONE_IN=${1:-8} PART=${2:-0}
export CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
CARGO_TARGET_DIR=$WORK/tool cargo build --release --locked --manifest-path nightly/mutate/Cargo.toml || exit 1
rm -rf "$WORK/source" "$WORK/tree" "$WORK/judged.txt" "$WORK/reach.json"
mkdir -p "$WORK/source"
git ls-files -z | xargs -0 cp --parents -t "$WORK/source" || exit 1
cp -r "$WORK/source" "$WORK/tree"
files=()
for layer in format wal store tree db; do
    files+=(--file "src/$layer/**")
done
(cd "$WORK/source" && cargo mutants --no-config --list --json "${files[@]}") >"$WORK/list.json" || exit 1
export CARGO_TARGET_DIR=$WORK/target
mutate() {
    "$WORK/tool/release/mutate" "$1" "$WORK/source" "$WORK" "${@:2}"
}
mutate weave "$ONE_IN" "$PART" || exit 1
# The quick programs first: what they notice needs no slow one.
MUTATE_TESTS="format engine verify sim_disk salvage" mutate reach && mutate judge || exit 1
export MUTATE_LONGEST=30 MUTATE_BUDGET=90 MUTATE_AGAIN=1
mutate reach && mutate judge && mutate control && mutate tell
