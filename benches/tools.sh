#!/bin/sh
# The table of docs/comparison.md: the same accidents for creel and for the tools of Debian's packages
# sqlite3, lmdb-utils and rocksdb-tools, and the exit status that a script sees. Missing tools are
# left out. Usage: sh benches/tools.sh   (creel: $CREEL, else target/release/creel)
set -u
CREEL=${CREEL:-$PWD/target/release/creel}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

# try SITUATION TOOL COMMAND: prints the status, and the last argument's verdict if there is one.
try() {
    situation=$1 tool=$2
    shift 2
    timeout 60 sh -c "$*" >out 2>err
    printf '%-44s %-10s exit %-4s %s\n' "$situation" "$tool" "$?" "$(head -n 1 err | cut -c1-60)"
}
have() { command -v "$1" >/dev/null; }

# hex N: the key number N as mdb_load reads it.
lines() {
    i=0
    while [ $i -lt 300 ]; do
        printf ' %s\n %s\n' "$(printf 'key%06d' $i | od -An -tx1 | tr -d ' \n')" 76616c7565
        i=$((i + 1))
    done
}
{ printf 'VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=104857600\nHEADER=END\n'; lines; echo DATA=END; } >dump
head -n 305 dump >cut
damage() { dd if=/dev/urandom of="$1" bs=4096 seek="$2" count=3 conv=notrunc 2>/dev/null; }

"$CREEL" import c.creel dump --format mdb --create 2>/dev/null || exit 1
i=0
while [ $i -lt 20000 ]; do printf 'key%06d,%0100d\n' $i $i; i=$((i + 1)); done >rows.csv
"$CREEL" import big.creel rows.csv --format csv --no-header --create 2>/dev/null || exit 1
"$CREEL" export c.creel -o whole.jsonl 2>/dev/null
head -n 150 whole.jsonl >half.jsonl

s='dump to a full disk'
try "$s" creel "'$CREEL' export c.creel >/dev/full"
have sqlite3 && sqlite3 s.db 'create table t(k primary key, v)' && sqlite3 s.db '.mode csv' '.import rows.csv t'
have sqlite3 && try "$s" sqlite3 'sqlite3 s.db .dump >/dev/full'
have mdb_load && mkdir l && mdb_load -f dump l && try "$s" mdb_dump 'mdb_dump l >/dev/full'
have ldb && sed 's/,/ ==> /' rows.csv | ldb --db=r --create_if_missing load >/dev/null &&
    try "$s" ldb 'ldb --db=r scan >/dev/full'

s='load half of a dump'
try "$s" creel "'$CREEL' import half.creel half.jsonl --create"
have mdb_load && mkdir l2 && try "$s" mdb_load 'mdb_load -f cut l2'

s='load a file with a bad line'
{ head -n 5 whole.jsonl; echo nonsense; tail -n +6 whole.jsonl; } >bad.jsonl
try "$s" creel "'$CREEL' import bad.creel bad.jsonl --create"
{ echo 'a ==> b'; echo nonsense; } >bad.ldb
have ldb && try "$s" ldb 'ldb --db=r load <bad.ldb'

s='dump a damaged file'
cp big.creel damaged.creel && damage damaged.creel 200
try "$s" creel "'$CREEL' export damaged.creel"
have sqlite3 && cp s.db d.db && damage d.db 200 && try "$s" sqlite3 'sqlite3 d.db .dump'

s='check a damaged file'
try "$s" creel "'$CREEL' verify damaged.creel"
have sqlite3 && try "$s" sqlite3 "sqlite3 d.db 'pragma integrity_check'"
have ldb && cp -r r r2 && for f in r2/*.sst; do damage "$f" 50; done 2>/dev/null
have sst_dump && ls r2/*.sst >/dev/null 2>&1 && try "$s" sst_dump 'sst_dump --file=r2 --command=verify'

s='read a key that is not there'
try "$s" creel "'$CREEL' get c.creel nobody"
have sqlite3 && try "$s" sqlite3 "sqlite3 s.db \"select v from t where k='nobody'\""
have ldb && try "$s" ldb 'ldb --db=r get nobody'
exit 0
