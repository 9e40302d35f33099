#!/bin/sh
# Runs as the first process of a User-Mode Linux: a file system on a device whose every write is
# logged, and a workload on it that leaves a mark in that log before and after each step.
# The kernel's command line names the directory of the run: creel_dir=DIR
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DM_DISABLE_UDEV=1 LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
dir=$(tr ' ' '\n' </proc/cmdline | sed -n 's/^creel_dir=//p')
. "$dir/settings"
modules=/usr/lib/uml/modules/$(uname -r)/kernel
stop() {
    echo "$1"
    sync
    busybox poweroff -f
}
for module in drivers/md/dm-mod drivers/md/dm-log-writes drivers/md/dm-flakey $needs; do
    busybox insmod "$modules/$module.ko" 2>/dev/null
done
sectors=$(blockdev --getsz /dev/ubda)
case $device in
log-writes) table="0 $sectors log-writes /dev/ubda /dev/ubdb" ;;
linear) table="0 $sectors linear /dev/ubda 0" ;;
esac
dmsetup create device --table "$table" || stop "FAILED: dmsetup"
# A device that was not given its numbers by udev.
$mkfs /dev/mapper/device >/dev/null 2>&1 || stop "FAILED: $mkfs"
mount -t "$type" -o "$options" /dev/mapper/device "$dir/mnt" || stop "FAILED: mount"
mark() {
    [ "$device" = log-writes ] && dmsetup message device 0 mark "$1"
    echo "mark $1"
}
mark mounted
db=$dir/mnt/test.db
n=0
# One step a line; {db} stands for the database.
while read -r step; do
    mark "begin:$n"
    if [ "$n" = "$break_at" ]; then
        dmsetup suspend device
        dmsetup load device --table "0 $sectors $broken"
        dmsetup resume device
    fi
    eval "$creel $(echo "$step" | sed "s|{db}|$db|g")" >"$dir/out" 2>&1 </dev/null
    status=$?
    echo "step $n status $status"
    if [ "$status" != 0 ]; then
        [ "$n" -ge "${break_at:-999999}" ] || stop "FAILED: step $n: $(cat "$dir/out")"
        break
    fi
    mark "ack:$n"
    n=$((n + 1))
done <"$dir/steps"
stop "DONE $n"
