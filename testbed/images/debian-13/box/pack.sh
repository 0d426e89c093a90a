#!/bin/sh
# Packs the disk of a virtual machine as a Vagrant box for libvirt: the same file system with Vagrant's user in it, behind a
# small boot partition that a BIOS starts from. Needs no root.
#   pack.sh IMAGE TARGET
# IMAGE is the folder of disk.qcow2, vmlinuz and initrd; TARGET gets libvirt.box.
set -eu
image=$1 target=$2
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
export MTOOLS_SKIP_CHECK=1

# Vagrant's user and what its machines need, without mounting: debugfs writes into the file system.
root=$target/root.raw
qemu-img convert -f qcow2 -O raw "$image/disk.qcow2" "$root"
work=$target/files
cp -R "$here/files" "$work"
for file in passwd group shadow; do debugfs -R "dump /etc/$file $work/$file" "$root" 2>/dev/null; done
echo 'vagrant:x:1000:1000::/home/vagrant:/bin/bash' >>"$work/passwd"
echo 'vagrant:x:1000:' >>"$work/group"
echo 'vagrant:*:20000:0:99999:7:::' >>"$work/shadow"

# put FILE PATH MODE OWNER GROUP, folder PATH MODE OWNER: lines for debugfs.
put() { printf 'rm %s\nwrite %s %s\nsif %s mode 0100%s\nsif %s uid %s\nsif %s gid %s\n' "$2" "$1" "$2" "$2" "$3" "$2" "$4" "$2" "$5"; }
folder() { printf 'mkdir %s\nsif %s mode 040%s\nsif %s uid %s\nsif %s gid %s\n' "$1" "$1" "$2" "$1" "$3" "$1" "$3"; }
shadow_group=$(sed -n 's/^shadow:[^:]*:\([0-9]*\):.*/\1/p' "$work/group")
{
  put "$work/passwd" /etc/passwd 644 0 0
  put "$work/group" /etc/group 644 0 0
  put "$work/shadow" /etc/shadow 640 0 "$shadow_group"
  folder /home/vagrant 755 1000
  folder /home/vagrant/.ssh 700 1000
  put "$work/vagrant.pub" /home/vagrant/.ssh/authorized_keys 600 1000 1000
  put "$work/sudoers" /etc/sudoers.d/vagrant 440 0 0
  put "$work/vagrant.network" /etc/systemd/network/80-vagrant.network 644 0 0
  put "$work/first-boot.sh" /usr/local/sbin/vagrant-first-boot 755 0 0
  put "$work/first-boot.service" /etc/systemd/system/vagrant-first-boot.service 644 0 0
  put "$work/name-servers.sh" /usr/local/sbin/vagrant-name-servers 755 0 0
  put "$work/name-servers.service" /etc/systemd/system/vagrant-name-servers.service 644 0 0
  put "$work/name-servers.path" /etc/systemd/system/vagrant-name-servers.path 644 0 0
  for unit in vagrant-first-boot.service vagrant-name-servers.path vagrant-name-servers.service; do
    printf 'symlink /etc/systemd/system/multi-user.target.wants/%s /etc/systemd/system/%s\n' "$unit" "$unit"
  done
} >"$target/commands"
debugfs -w -f "$target/commands" "$root" >"$target/debugfs.log" 2>&1
e2fsck -fn "$root" >"$target/e2fsck.log" 2>&1 || { cat "$target/e2fsck.log" >&2; exit 1; }

# The boot partition: FAT, so that syslinux and mtools can make it in a file.
boot=$target/boot.raw
truncate -s 64M "$boot"
mkfs.vfat -h 2048 -n TESTBEDBOOT "$boot" >/dev/null
syslinux --install "$boot"
mcopy -i "$boot" "$image/vmlinuz" "$image/initrd" "$here/syslinux.cfg" ::

# Both behind a partition table; a MiB in front of the first one.
disk=$target/disk.raw
size=$(($(stat -c %s "$root") / 1048576))
truncate -s $((1 + 64 + size + 1))M "$disk"
printf 'label: dos\nstart=1MiB, size=64MiB, type=c, bootable\nstart=65MiB, size=%sMiB, type=83\n' "$size" |
  sfdisk --quiet "$disk"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
qemu-img convert -n --target-is-zero -f raw "$root" \
  --target-image-opts "driver=raw,offset=$((65 << 20)),size=$((size << 20)),file.driver=file,file.filename=$disk"
rm "$root" "$boot"
qemu-img convert -f raw -O qcow2 "$disk" "$target/box.img"
rm "$disk"

printf '{"provider":"libvirt","format":"qcow2","virtual_size":%s}\n' $(((size + 66 + 1023) / 1024)) >"$target/metadata.json"
cp "$here/Vagrantfile" "$target/Vagrantfile"
tar -C "$target" -cf "$target/libvirt.box" metadata.json Vagrantfile box.img
rm -r "$work" "$target/box.img" "$target/commands" "$target/debugfs.log" "$target/e2fsck.log" \
  "$target/metadata.json" "$target/Vagrantfile"
