#!/bin/sh
# Runs as the first process of a User-Mode Linux. Behind this comes steps.sh or blocks.sh.
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
for module in drivers/md/dm-mod drivers/md/dm-log-writes drivers/md/dm-flakey drivers/md/dm-dust $needs; do
    busybox insmod "$modules/$module.ko" 2>/dev/null
done
# Nothing that forgets what was read lets go of the program.
mkdir -p "$dir/bin"
mount -t tmpfs bin "$dir/bin"
cp "$creel" "$dir/bin/creel"
creel=$dir/bin/creel
sectors=$(blockdev --getsz /dev/ubda)
# A command of creel; what it says goes to a file.
creel() {
    line=$(echo "$1" | sed "s|{db}|$dir/mnt/test.db|g; s|{dir}|$dir/mnt|g; s|{in}|$dir/in|g")
    eval "$creel $line" >"$dir/out" 2>"$dir/err" </dev/null
}
# What is read of a file next comes from the device.
forget() {
    dd if="$1" iflag=nocache count=0 2>/dev/null
}
