#!/bin/sh
# Freezes the workload's cgroup just before CRIU does: CRIU would look after 100 ms again whether it is frozen, by which time it
# has been for 99.
group=migration-testbed
date +%s%N >/run/migration-testbed/frozen-at
if [ -e "/sys/fs/cgroup/freezer/$group/freezer.state" ]; then
  file=/sys/fs/cgroup/freezer/$group/freezer.state
  echo FROZEN >"$file"
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    read -r now <"$file"
    [ "$now" != FROZEN ] || exit 0
    echo FROZEN >"$file"
  done
elif [ -e "/sys/fs/cgroup/$group/cgroup.freeze" ]; then
  echo 1 >"/sys/fs/cgroup/$group/cgroup.freeze"
fi
exit 0
