# A file system that is there already, on a device some of whose sectors cannot be read.
dmsetup create device --table "0 $sectors dust /dev/ubda 0 512" || stop "NO DUST"
mount -t "$type" -o "$options" /dev/mapper/device "$dir/mnt" || stop "FAILED: mount"
dmsetup message device 0 enable || stop "FAILED: enable"
look() {
    n=0
    while read -r step; do
        forget "$dir/mnt/test.db"
        creel "$step"
        echo "look $1 $n $? $(cksum <"$dir/out" | tr ' ' ':') $(head -c 300 "$dir/err" | tr '\n' ' ')"
        n=$((n + 1))
    done <"$dir/steps"
}
look none
# A page of the file and the sectors of the device that have its beginning.
while read -r page bad; do
    for sector in $bad; do
        dmsetup message device 0 addbadblock "$sector" || stop "FAILED: addbadblock $sector"
    done
    look "$page"
    for sector in $bad; do
        dmsetup message device 0 removebadblock "$sector" >/dev/null 2>&1
    done
done <"$dir/bad"
look none
stop "DONE"
