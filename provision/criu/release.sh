#!/bin/sh
# Lets a container of runc's go on that a broken dump left frozen and cut off: CRIU freezes its cgroup and locks its network, and
# undoes neither when it is killed. Does nothing where nothing is frozen or locked.
#   release.sh ID NETNS        ID as runc knows it, NETNS a network namespace that holds this container alone
set -u
id=$1 netns=$2
[ "$(runc state "$id" 2>/dev/null | sed -n 's/.*"status": "\(.*\)".*/\1/p')" != paused ] || runc resume "$id"
rules=$(ip netns exec "$netns" nft list tables 2>/dev/null | wc -l)
[ "$rules" = 0 ] || {
  ip netns exec "$netns" nft flush ruleset
  echo "CRIU had left its firewall rules in $netns"
}
