#!/bin/sh
# Makes the initrd, inside the root file system that it is for: busybox, the drivers of virtual disks, and init.
#   make.sh INIT TARGET
set -eu
init=$1 target=$2
kernel=$(basename /lib/modules/*)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/dev" "$work/modules" "$work/proc" "$work/root" "$work/sys"
cp /bin/busybox "$work/bin/busybox"
install -m 0755 "$init" "$work/init"

# Each with what it needs, in the order in which they are loaded; a driver that the kernel has built in has no file.
for module in virtio_pci virtio_blk virtio_scsi sd_mod nvme ext4; do
  modprobe --set-version "$kernel" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r path; do
  name=$(basename "$path" .xz)
  case $path in
    *.xz) busybox unxz -c "$path" >"$work/modules/$name" ;;
    *) cp "$path" "$work/modules/$name" ;;
  esac
  echo "$name" >>"$work/modules/order"
done

(cd "$work" && find . | sort | cpio --quiet --create --format=newc --owner=0:0) >"$target"
