# The single entry for developers. `just` alone lists what there is.

_list:
    @just --list --unsorted

# Build the release binary
build:
    cargo build --release

# Run all tests
test *ARGS:
    cargo test {{ARGS}}

# Formatting, lints, documentation
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps

# Everything that CI runs
ci:
    .ci/run

# What takes too long for CI, 50 million crash states among it; name parts to run only those
campaign *PARTS:
    nightly/run {{PARTS}}

# Benchmarks; name rows to run only those
bench *ROWS:
    cargo bench --bench engine -- {{ROWS}}

# Rewrite the golden files of the file format; look at the difference before you commit it
golden:
    UPDATE_GOLDEN=1 cargo test --test format golden
    git diff --stat tests/format/golden

# Rewrite manual pages and completions after a change of the command line
generated:
    UPDATE_GENERATED=1 cargo test --test generated
    git diff --stat man completions

# The archive of a release, with its SHA-256
archive:
    sh packaging/archive.sh

# A Debian package; needs `cargo install cargo-deb`
deb:
    cargo deb --locked
