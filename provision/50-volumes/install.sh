#!/bin/sh
# What the back ends of volumes need: btrfs copies by snapshots where the kernel has it, rsync goes with any file system.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
apt_install btrfs-progs mount rsync util-linux
