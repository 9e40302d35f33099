#!/bin/bash
# Which lines, regions and branches the tests run through: `nightly/coverage.sh` prints the sums, and
# what of the core nothing runs through. Needs cargo-llvm-cov (`cargo install cargo-llvm-cov
# --locked`) and, where rustup has no llvm-tools, LLVM_COV and LLVM_PROFDATA, of the LLVM that
# `rustc -vV` names (Debian: llvm-22).
# Everything that can be chosen is built in, and the planted mistakes are made one by one at the end.
# Arguments go to cargo test.
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8 CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
export CARGO_TARGET_DIR=${COVERAGE_TARGET:-target/coverage}
. nightly/skipped.sh
command -v cargo-llvm-cov >/dev/null || { skipped llvm-cov "cargo-llvm-cov is not installed"; exit; }
if [ -x /usr/bin/llvm-cov-22 ]; then
    export LLVM_COV=${LLVM_COV:-/usr/bin/llvm-cov-22} LLVM_PROFDATA=${LLVM_PROFDATA:-/usr/bin/llvm-profdata-22}
fi
# shellcheck disable=SC1090
. <(RUSTC_BOOTSTRAP=1 cargo llvm-cov show-env --branch --sh 2>/dev/null)
# Branches are counted for the crates that are named here, by a stable compiler too.
export RUSTC_BOOTSTRAP=${__CARGO_LLVM_COV_RUSTC_WRAPPER_CRATE_NAMES:-}
mkdir -p "$CARGO_TARGET_DIR"
# Some files for thousands of processes. They count in the mapped file itself (%c, and the flag), so that a process
# that is killed, as many are here, leaves behind what it ran through.
export RUSTFLAGS="${RUSTFLAGS:-} -Cllvm-args=-runtime-counter-relocation"
export LLVM_PROFILE_FILE=$(realpath "$CARGO_TARGET_DIR")/creel-%c%4m.profraw
rm -f "$CARGO_TARGET_DIR"/*.profraw
REPORT="cargo llvm-cov report --failure-mode all --json --output-path"
cargo test --locked --no-fail-fast --features cloud,planted-defects "$@"
status=$?
# What the tests of right code run through; then the mistakes, which are conditions as well.
$REPORT "$CARGO_TARGET_DIR/without.json" || exit 1
cargo test --locked --features cloud,planted-defects --test crash -- --ignored planted || status=1
$REPORT "$CARGO_TARGET_DIR/coverage.json" || exit 1
echo "== without planted mistakes"
python3 nightly/coverage.py "$CARGO_TARGET_DIR/without.json"
echo "== with them"
python3 nightly/coverage.py "$CARGO_TARGET_DIR/coverage.json"
exit $status
