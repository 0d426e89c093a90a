#!/bin/sh
# Builds what a Debian 13 virtual machine is started from, with the tested components already installed.
#   build.sh TARGET MODE URI [mmdebstrap option…]
# TARGET gets disk.raw (one ext4 file system), vmlinuz and initrd. MODE is mmdebstrap's: root, or unshare for people without
# root (needs newuidmap, /etc/subuid and user namespaces, and a TARGET that other users may enter and write: mode 1777).
#   TESTBED_PROVISION    folder of the provision scripts
#   TESTBED_COMPONENTS   folders there to install, in order: `10-base 20-docker`
#   TESTBED_DOCKER_SOURCE, TESTBED_CRIU_SOURCE: see the components
set -eu
target=$1 mode=$2 uri=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
work=/usr/local/lib/migration-testbed/image # inside; gone when the disk is made
architecture=$(dpkg --print-architecture)

copies=
for part in lib.sh $TESTBED_COMPONENTS; do copies="$copies '$TESTBED_PROVISION/$part'"; done

# Hooks run as root of the guest's files, which in MODE unshare may not look into our own folders: mmdebstrap hands the
# scripts in, and after the last hook there is nothing to clean up. INITRD=No: the kernel's package makes no initrd of its
# own, customize.sh makes a smaller one.
export INITRD=No TMPDIR="$target"
exec mmdebstrap --mode="$mode" --variant=minbase --format=null --skip=cleanup "$@" \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --include="busybox-static,ca-certificates,dbus,init-system-helpers,kmod,linux-image-cloud-$architecture,openssh-server,sudo,systemd-sysv,udev" \
  --customize-hook="mkdir -p \"\$1$work/provision\"" \
  --customize-hook="copy-in $copies $work/provision" \
  --customize-hook="copy-in '$here/customize.sh' '$here/disk.sh' '$here/initrd' '$here/files' $work" \
  --customize-hook="chroot \"\$1\" sh $work/customize.sh $work" \
  --customize-hook="sh \"\$1$work/disk.sh\" \"\$1\" \"\$1$work\" '$target'" \
  trixie /dev/null "deb $uri trixie main" "deb $uri trixie-updates main"
