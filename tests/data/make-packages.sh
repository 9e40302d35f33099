#!/bin/sh
# Writes tests/data/packages.tsv: facts about the packages installed on a Debian system, from the
# package manager's own records (no network). Run it on any Debian or derivative:
#
#   sh tests/data/make-packages.sh > tests/data/packages.tsv
#
# One line a package, sorted: name, tab, "version section installed-size-in-KiB".
# Names, versions and sizes are facts; descriptions, which somebody wrote, are left out, and so are
# development packages, to keep the file short.
set -eu
export LC_ALL=C
dpkg-query -W -f '${Package}\t${Version} ${Section} ${Installed-Size}\n' |
    grep -v -e '-dev	' -e '^lib.*-perl	' | sort -u -k1,1
