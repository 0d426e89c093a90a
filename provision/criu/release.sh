#!/bin/sh
# Lets a container go on that a broken dump left frozen and cut off: CRIU freezes its cgroup and locks its network, and undoes
# neither when it is killed. Does nothing where nothing is frozen or locked.
#   release.sh ROOT ID        where runc keeps its state, and the container's name there
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
root=$1 id=$2
state=$(runc --root "$root" state "$id") || exit 0
of() { printf '%s\n' "$state" | sed -n "s/.*\"$1\": \"\{0,1\}\([a-z0-9]*\).*/\1/p" | head -n 1; }
[ "$(of status)" != paused ] || { runc --root "$root" resume "$id" && echo 'CRIU had left the container frozen'; }

inside() { nsenter --target "$(of pid)" --net "$@" 2>/dev/null; }
for tables in iptables ip6tables; do
  for chain in INPUT OUTPUT; do
    while inside "$tables" -D "$chain" -j CRIU; do echo "CRIU had left $chain of the container locked"; done
  done
  inside "$tables" -F CRIU && inside "$tables" -X CRIU
done
inside nft list tables | grep ' CRIU-' | while read -r _ family table; do
  inside nft delete table "$family" "$table" && echo "CRIU had left its table $table in the container's network"
done
exit 0
