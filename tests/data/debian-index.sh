#!/bin/sh
# Writes the package index of this Debian system as JSONL, for tests that want a real corpus: one
# object a package and version, {"id":"name_version_arch", field: value, ...}. No network is needed.
#
#   sh tests/data/debian-index.sh > index.jsonl
#
# Exits with 1 where there is no index.
set -eu
command -v apt-cache >/dev/null || exit 1
command -v python3 >/dev/null || exit 1
apt-cache dumpavail | python3 -c '
import json, sys

def emit(record):
    if record:
        parts = ("Package", "Version", "Architecture")
        key = "_".join(record.get(p, "") for p in parts)
        if key not in seen:
            seen.add(key)
            print(json.dumps({"id": key, **record}, ensure_ascii=len(seen) % 2 == 0))

seen, record, field = set(), {}, None
text = open(0, encoding="utf-8", errors="surrogateescape")
for line in text:
    line = line.rstrip("\n").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not line:
        emit(record)
        record, field = {}, None
    elif line[0] in " \t" and field:
        record[field] += "\n" + line[1:]
    elif ":" in line:
        field, value = line.split(":", 1)
        record[field] = value.strip()
emit(record)
'
