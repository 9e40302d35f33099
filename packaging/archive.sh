#!/bin/sh
# Packs the binary with manual pages and completions into DIR/creel-VERSION-TARGET.tar.gz, and its
# SHA-256 beside it. The same files give the same archive, whenever and by whomever it is packed.
#
#   sh packaging/archive.sh [DIR]
#
# DIR is target/dist where none is given. CREEL names the binary; without it, this builds one with
# cargo. TARGET names what the binary was built for, where that is not this machine.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
build=${CARGO_TARGET_DIR:-$here/target}
out=${1:-$build/dist}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
target=${TARGET:-$(rustc -vV | sed -n 's/^host: //p')}
if [ -z "${CREEL:-}" ]; then
    cargo build --release --locked --features cloud --manifest-path "$here/Cargo.toml"
    CREEL=$build/release/creel
fi

name=creel-$version-$target
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/$name"
cp "$CREEL" "$work/$name/creel"
chmod 755 "$work/$name/creel"
for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE; do
    cp "$here/$file" "$work/$name/"
done
cp -r "$here/man" "$here/completions" "$work/$name/"
find "$work/$name" -type d -exec chmod 755 {} +
find "$work/$name" -type f ! -name creel -exec chmod 644 {} +

# Order, owners and times do not depend on this machine; gzip -n leaves out name and time.
moment=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || echo 0)}
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$moment" \
    -C "$work" -cf "$work/$name.tar" "$name"
gzip -9n "$work/$name.tar"
(cd "$work" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
mv "$work/$name.tar.gz" "$work/$name.tar.gz.sha256" "$out/"
echo "$out/$name.tar.gz"
