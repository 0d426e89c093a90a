#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
for program in zfs zpool; do
  command -v "$program" >/dev/null || fail "$program is missing" "run provision/53-zfs/install.sh on the host"
done
modprobe zfs 2>/dev/null || fail "kernel $(uname -r) has no module zfs" \
  'on hosts that share the kernel of this machine it has to be there; elsewhere provision/53-zfs/install.sh builds it'
