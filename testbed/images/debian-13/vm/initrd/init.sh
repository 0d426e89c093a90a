#!/bin/busybox sh
# shellcheck shell=sh
# First process of the guest: finds the root file system, writes the host's identity into it, and becomes its init.
# Identity is a tar on a disk whose serial number is `seed` (src/providers/images/seed.ts); without one nothing is written.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
if [ -e /modules/order ]; then
  while read -r module; do insmod "/modules/$module"; done </modules/order
fi

label=testbed-root
left=100
until root=$(findfs "LABEL=$label" 2>/dev/null); do
  left=$((left - 1))
  [ "$left" -gt 0 ] || { echo "migration-testbed: no disk with the file system $label" >/dev/console; exit 1; }
  sleep 0.1
done
mount -t ext4 -o rw,noinit_itable "$root" /root || exit 1

for serial in /sys/block/*/serial; do
  [ "$(cat "$serial" 2>/dev/null)" = seed ] || continue
  seed=/dev/$(basename "$(dirname "$serial")")
  sum=$(sha256sum "$seed")
  mark=/root/etc/migration-testbed/seed
  [ "$(cat "$mark" 2>/dev/null)" != "$sum" ] || continue
  tar -x -f "$seed" -C /root || { echo "migration-testbed: the seed is not readable" >/dev/console; exit 1; }
  mkdir -p "$(dirname "$mark")"
  echo "$sum" >"$mark"
done

umount /sys /proc
mount --move /dev /root/dev
exec switch_root /root /sbin/init
