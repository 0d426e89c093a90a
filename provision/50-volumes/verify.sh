#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
for program in btrfs mkfs.btrfs rsync flock mountpoint; do
  command -v "$program" >/dev/null || fail "$program is missing" "run provision/50-volumes/install.sh on the host"
done
