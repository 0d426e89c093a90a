#!/bin/sh
# Volumes in a pool of ZFS. Debian ships it as a source that is built here for every kernel that is installed, which takes minutes
# (its licence keeps it out of the kernel); Ubuntu's kernel has it. A host without a kernel of its own has what the machine's has.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

with_contrib() {
  ! available zfsutils-linux || return 0
  uri=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '/Debian Debian$/ { print $1; exit }')
  [ -n "$uri" ] || fail 'no Debian archive is known here' 'add one to /etc/apt/sources.list'
  echo "deb $uri $VERSION_CODENAME contrib" >/etc/apt/sources.list.d/testbed-contrib.list
  apt-get -q update
}

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
  with_contrib
  for folder in /lib/modules/*/kernel; do
    [ ! -d "$folder" ] || build_for "$(basename "$(dirname "$folder")")"
  done
fi
apt_install zfsutils-linux
