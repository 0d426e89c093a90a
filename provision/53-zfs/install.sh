#!/bin/sh
# Volumes in a pool of ZFS. Debian ships it as a source that is built here for every kernel that is installed, which takes minutes
# (its licence keeps it out of the kernel); Ubuntu's kernel has it. A host without a kernel of its own has what the machine's has.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# For a kernel that is installed but does not run, as in an image that is being made, nothing is built by itself.
build_for() {
  ! modinfo -k "$1" zfs >/dev/null 2>&1 || return 0
  available "linux-headers-$1" ||
    fail "there are no headers of kernel $1 to build ZFS for" 'update the kernel of the host, or leave the component zfs out'
  apt_install "linux-headers-$1" dkms gcc libc6-dev make zfs-dkms
  modinfo -k "$1" zfs >/dev/null 2>&1 || dkms autoinstall -k "$1"
}

if [ "$ID" = debian ]; then
  apt_lists
  available zfsutils-linux || debian_suite contrib "$VERSION_CODENAME" contrib ||
    fail 'the archive has no section contrib, which ZFS is in' 'apt-get update on the host tells why'
  for folder in /lib/modules/*/kernel; do
    [ ! -d "$folder" ] || build_for "$(basename "$(dirname "$folder")")"
  done
fi
apt_install zfsutils-linux
