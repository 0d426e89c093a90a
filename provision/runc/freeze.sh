#!/bin/sh
# Freezes the workload's cgroup just before CRIU does: CRIU would look after 100 ms again whether it is frozen, by which time it
# has been for 99. And it gives up when it meets a process that has left its cgroup and is no zombie yet, as that of a connection
# which was just closed: none is on its way out when this script ends, within reason.
group=migration-testbed
date +%s%N >/run/migration-testbed/frozen-at
v1=/sys/fs/cgroup/freezer/$group v2=/sys/fs/cgroup/$group

# frozen: whether all that can be frozen is.
if [ -e "$v1/freezer.state" ]; then
  procs=$v1/cgroup.procs
  frozen() {
    echo FROZEN >"$v1/freezer.state"
    read -r now <"$v1/freezer.state"
    [ "$now" = FROZEN ]
  }
elif [ -e "$v2/cgroup.freeze" ]; then
  procs=$v2/cgroup.procs
  echo 1 >"$v2/cgroup.freeze"
  frozen() { :; } # CRIU waits for it
else
  exit 0
fi

# settled: whether the workload has no process but those in its cgroup, and zombies.
settled() {
  members=' '
  while read -r pid; do members="$members$pid "; done <"$procs"
  for pid in $members; do
    for task in "/proc/$pid/task/"*; do
      children=
      read -r children 2>/dev/null <"$task/children" # which does not end with a line break
      for child in $children; do
        case $members in *" $child "*) continue ;; esac
        stat=
        read -r stat 2>/dev/null <"/proc/$child/stat"
        case ${stat##*) } in '' | [ZX]*) ;; *) return 1 ;; esac
      done
    done
  done
}

tries=200
until frozen && settled; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || break
  [ $((tries % 20)) -gt 0 ] || sleep 0.001
done
exit 0
