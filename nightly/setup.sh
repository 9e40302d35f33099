#!/bin/sh
# Installs what tests/power needs, on Debian and as root: a User-Mode Linux with the device mapper's
# test targets, and the file systems' tools. Nothing here is needed for building or for CI.
set -u
apt-get update -qq </dev/null || echo "the lists of packages could not be had anew"
for package in user-mode-linux busybox-static dmsetup e2fsprogs xfsprogs btrfs-progs; do
    apt-get install -y -qq --no-install-recommends "$package" </dev/null ||
        echo "NOT INSTALLED: $package"
done
