#!/bin/sh
# Packs an archive, unpacks it somewhere else, and uses what is in it.
#
#   CREEL=target/debug/creel sh packaging/try.sh
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$(sh "$here/packaging/archive.sh" "$work/first" | tail -n 1)
again=$(sh "$here/packaging/archive.sh" "$work/second" | tail -n 1)
cmp "$archive" "$again"
cd "$work/first"
sha256sum --check --quiet "$(basename "$archive").sha256"
tar -xzf "$archive"
cd "$(basename "$archive" .tar.gz)"
test "$(./creel --version)" = "creel $(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)"
./creel open ../x.db --create -q
./creel put ../x.db k v
test "$(./creel get ../x.db k)" = v
for file in README.md LICENSE-MIT LICENSE-APACHE man/creel.1 man/creel-put.1 completions/_creel \
    completions/creel.bash completions/creel.fish; do
    test -s "$file"
done
echo "$(basename "$archive"): $(find . -type f | wc -l) files"
