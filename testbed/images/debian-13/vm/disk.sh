#!/bin/sh
# Makes the disk out of the finished root file system.
#   disk.sh ROOT FOLDER TARGET        FOLDER, below ROOT, is removed first
set -eu
root=$1 folder=$2 target=$3
rm -rf "$folder"
# What only the build needed: /etc/resolv.conf is the building machine's own.
rm -f "$root/etc/resolv.conf" "$root/etc/apt/apt.conf.d/00mmdebstrap"

cp --dereference "$root"/boot/vmlinuz-* "$target/vmlinuz"
mv "$root/boot/testbed-initrd" "$target/initrd"

# mmdebstrap has /proc, /sys and /dev mounted on the root: a bind mount shows what is below them.
tree=$target/tree
mkdir "$tree"
mount --bind "$root" "$tree"
trap 'umount "$tree"; rmdir "$tree"' EXIT
# No lazy initialisation: the guest would do it in the background while it is measured.
mke2fs -q -t ext4 -d "$tree" -L testbed-root -m 0 \
  -E lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0 "$target/disk.raw" 8G
chmod 0644 "$target/disk.raw" "$target/vmlinuz" "$target/initrd"
