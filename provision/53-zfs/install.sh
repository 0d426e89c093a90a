#!/bin/sh
# Volumes in a pool of ZFS. Debian ships it as a source that is built here for every kernel that is installed, which takes minutes
# (its licence keeps it out of the kernel); Ubuntu's kernel has it.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
if [ "$ID" = debian ]; then
  if ! available zfs-dkms; then
    uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '/Debian Debian$/ { print $1; exit }')
    [ -n "$uri" ] || fail 'no Debian archive is known here' 'add one to /etc/apt/sources.list'
    echo "deb $uri $VERSION_CODENAME contrib" >/etc/apt/sources.list.d/testbed-contrib.list
    apt-get -q update
  fi
  for kernel in /lib/modules/*; do
    kernel=${kernel##*/}
    ! modinfo -k "$kernel" zfs >/dev/null 2>&1 || continue
    available "linux-headers-$kernel" ||
      fail "there are no headers of kernel $kernel to build ZFS for" 'update the kernel of the host, or leave the component zfs out'
    apt_install "linux-headers-$kernel"
  done
  # For a kernel that is installed but does not run, as in an image that is being made, nothing is built by itself.
  apt_install dkms libc6-dev make gcc zfs-dkms
  for kernel in /lib/modules/*; do
    kernel=${kernel##*/}
    [ -d "/lib/modules/$kernel/kernel" ] || continue
    modinfo -k "$kernel" zfs >/dev/null 2>&1 || dkms autoinstall -k "$kernel"
  done
fi
apt_install zfsutils-linux
