#!/bin/sh
# Writes tests/data/packages.jsonl: the lines of tests/data/packages.tsv as JSON.
#
#   sh tests/data/packages-jsonl.sh < tests/data/packages.tsv > tests/data/packages.jsonl
#
# Names, versions and sections of packages need no escapes in JSON.
exec awk -F'[\t ]' '{
    printf "{\"name\":\"%s\",\"version\":\"%s\",\"section\":\"%s\",\"installed_kib\":%s}\n", \
        $1, $2, $3, $4
}'
