#!/bin/bash
# Publishing, fail-over and races on an S3 server of somebody else: Ceph's RADOS gateway, or any other.
#
#   CREEL_S3_ENDPOINT=http://rgw.example.org:7480 CREEL_S3_BUCKET=creel-nightly \
#   AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... nightly/ceph.sh
#
# Without CREEL_S3_ENDPOINT it starts Ceph's demo container where docker or podman is there. The bucket
# must exist; everything is written below a prefix of its own, and stays there. Says SKIPPED where
# there is no server (nightly/skipped.sh). CREEL names a program that has the feature `cloud`.
set -u
cd "$(dirname "$0")/.." || exit 1
ROUNDS=${CREEL_S3_ROUNDS:-20}
BUCKET=${CREEL_S3_BUCKET:-creel-nightly}
CONTAINER=

. nightly/skipped.sh
skip() {
    skipped ceph "$1"
    exit
}

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

if [ -z "${CREEL_S3_ENDPOINT:-}" ]; then
    engine=$(command -v podman || command -v docker) ||
        skip "no CREEL_S3_ENDPOINT, and neither podman nor docker to start Ceph with"
    export AWS_ACCESS_KEY_ID=creel AWS_SECRET_ACCESS_KEY=creel-secret
    CONTAINER=$("$engine" run -d --rm -p 127.0.0.1:7480:8080 \
        -e MON_IP=127.0.0.1 -e CEPH_PUBLIC_NETWORK=0.0.0.0/0 -e CEPH_DEMO_UID=creel \
        -e CEPH_DEMO_ACCESS_KEY=$AWS_ACCESS_KEY_ID -e CEPH_DEMO_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
        -e CEPH_DEMO_BUCKET="$BUCKET" -e DEMO_DAEMONS=mon,mgr,osd,rgw \
        quay.io/ceph/demo 2>/dev/null) || skip "the container quay.io/ceph/demo does not start here"
    CREEL_S3_ENDPOINT=http://127.0.0.1:7480
    for _ in $(seq 180); do
        "$engine" logs "$CONTAINER" 2>&1 | grep -q "bucket.*$BUCKET" && break
        sleep 1
    done
fi
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"; [ -z "$CONTAINER" ] || "$engine" kill "$CONTAINER" >/dev/null' EXIT
export AWS_ENDPOINT=$CREEL_S3_ENDPOINT AWS_ALLOW_HTTP=true AWS_REGION="${AWS_REGION:-us-east-1}"
if [ -z "${CREEL:-}" ]; then
    cargo build --release --locked --features cloud || fail "build"
    CREEL=$PWD/target/release/creel
fi
"$CREEL" version >/dev/null || fail "$CREEL does not run"
PREFIX=s3://$BUCKET/nightly-$(date +%s)-$$

digest() {
    "$CREEL" digest "$1" | cut -d ' ' -f 1
}

status() {
    local wanted=$1
    shift
    "$CREEL" "$@" >"$WORK/out" 2>&1
    local found=$?
    [ $found = "$wanted" ] || {
        cat "$WORK/out" >&2
        fail "status $found instead of $wanted: creel $*"
    }
}

echo "== probe $CREEL_S3_ENDPOINT"
status 0 replicate probe "$PREFIX/probe"
cat "$WORK/out"
for round in $(seq "$ROUNDS"); do
    store=$PREFIX/round-$round
    dir=$WORK/$round
    mkdir "$dir"
    a=$dir/a.db b=$dir/b.db c=$dir/c.db
    status 0 open "$a" --create
    status 0 put "$a" first 1
    status 0 replicate snapshot "$a" --to "$store"
    for copy in "$b" "$c"; do status 0 replicate init "$copy" --from "$store"; done
    for i in 1 2 3; do status 0 put "$a" "k$i" v --ack published; done
    # Two promotions and a write at once: one of the three decides what the next number is.
    "$CREEL" promote "$b" --yes -qq & one=$!
    "$CREEL" promote "$c" --yes -qq & two=$!
    "$CREEL" put "$a" raced v --ack published -qq & three=$!
    wait $one; one=$?
    wait $two; two=$?
    wait $three; three=$?
    echo "round $round: promotions end with $one and $two, the write with $three"
    case "$three" in 0 | 10) ;; *) fail "the write ends with $three" ;; esac
    new=
    [ $two = 0 ] && new=$c old=$b
    # Where both succeeded, one after the other, the store knows who is the last.
    if [ $one = 0 ] && { [ $two != 0 ] || "$CREEL" put "$b" last v --ack published -qq; }; then
        new=$b old=$c
    fi
    [ -n "$new" ] || fail "nobody became primary"
    status 0 put "$new" after v --ack published
    status 10 put "$a" late v --ack published
    if [ $three = 0 ]; then status 0 get "$new" raced; else status 1 get "$new" raced; fi
    for copy in "$a" "$old"; do
        "$CREEL" replicate rejoin "$copy" --from "$store" -qq
        status 0 replicate pull "$copy" --from "$store" --reseed auto
        [ "$(digest "$copy")" = "$(digest "$new")" ] || fail "$copy and $new differ"
    done
    status 0 replicate verify "$store" --deep
done
echo "$ROUNDS rounds on $CREEL_S3_ENDPOINT, nothing lost"
