#!/bin/bash
# Coverage-guided fuzzing (libFuzzer) of every target of `fuzz/`, with a stable toolchain and a C++
# compiler: `nightly/fuzz.sh SECONDS` for each target. What it finds of new inputs stays in
# target/fuzz/corpus; a crash, five seconds for one input, or more memory than 64 MiB and twice the file end it
# with a failure. The targets count that for each input (tests/fuzz/allocator.rs); the limit below is the
# whole process: that much, the fuzzer with what it keeps (28 to 118 MiB here), and what is mapped.
set -u
cd "$(dirname "$0")/.." || exit 1
SECONDS_EACH=${1:-600}
OUT=$(realpath -m "${FUZZ_TARGET:-target/fuzz}")
export CARGO_TARGET_DIR=$OUT CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
# What `cargo fuzz` sets; the sanitizers themselves would need a nightly toolchain.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
HOST=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --target "$HOST" --manifest-path fuzz/Cargo.toml || exit 1
failed=0
for target in header page log file records wire objects; do
    mkdir -p "$OUT/corpus/$target"
    if "$OUT/$HOST/release/$target" -max_total_time="$SECONDS_EACH" -timeout=5 -rss_limit_mb=256 \
        -print_final_stats=1 -artifact_prefix="$OUT/$target-" \
        "$OUT/corpus/$target" "fuzz/corpus/$target" >"$OUT/$target.log" 2>&1; then
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$target.log") inputs," \
            "$(grep -o 'cov: [0-9]*' "$OUT/$target.log" | tail -1)," \
            "$(sed -n 's/^stat::peak_rss_mb: *//p' "$OUT/$target.log") MiB at most"
    else
        echo "FAILED: $target, see $OUT/$target.log"
        failed=1
    fi
done
exit $failed
