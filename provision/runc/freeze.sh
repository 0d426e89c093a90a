#!/bin/sh
# Freezes the workload's cgroup before CRIU does, and ends when all of it is frozen. CRIU would look after 100 ms again whether it is, by
# which time it has been for 99; and it takes those for the workload that it finds while it freezes: it gives up when it meets one later
# that was being forked then, or that has left its cgroup and is no zombie yet, as with connections that come and go.
group=migration-testbed
date +%s%N >/run/migration-testbed/frozen-at
v1=/sys/fs/cgroup/freezer/$group v2=/sys/fs/cgroup/$group

# frozen: whether all of the cgroup is.
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
  frozen() {
    while read -r name value; do [ "$name $value" != 'frozen 1' ] || return 0; done <"$v2/cgroup.events"
    return 1
  }
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

# Some milliseconds mostly; a process in a long call of the kernel cannot be frozen before that ends, and CRIU tells of it.
tries=0
until frozen && settled; do
  tries=$((tries + 1))
  [ "$tries" -lt 500 ] || break
  [ "$tries" -lt 20 ] || sleep 0.002
done
exit 0
