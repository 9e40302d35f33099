# A file system on a device whose every write is logged, or which becomes another one, and a workload on
# it that leaves a mark before and after each step.
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
become() {
    dmsetup suspend $1 device
    dmsetup load device --table "0 $sectors $broken"
    dmsetup resume device
}
mark mounted
n=0
broke=
while read -r step; do
    mark "begin:$n"
    if [ "$n" = "$break_at" ]; then
        broke=yes
        if [ "$late" = 0 ]; then
            become
        else
            (busybox usleep "$late" && become "--noflush --nolockfs") &
        fi
    fi
    creel "$step"
    status=$?
    wait
    echo "step $n status $status"
    if [ "$broke$lies" = yesyes ]; then
        grep -q "panicked" "$dir/err" && echo "wrong $n: $(cat "$dir/err")"
        for file in "$dir"/mnt/*.db; do
            forget "$file"
            digest=$($creel digest "$file" 2>"$dir/err")
            echo "answer $n $? ${file##*/} ${digest%% *}"
            forget "$file"
            $creel verify --level deep "$file" >"$dir/out" 2>"$dir/err"
            echo "verified $n $? ${file##*/}"
            grep -q "panicked" "$dir/err" && echo "wrong $n: $(cat "$dir/err")"
        done
    elif [ "$status" != 0 ]; then
        [ "$n" -ge "${break_at:-999999}" ] || stop "FAILED: step $n: $(cat "$dir/err")"
        break
    else
        mark "ack:$n"
    fi
    n=$((n + 1))
done <"$dir/steps"
stop "DONE $n"
