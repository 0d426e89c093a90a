#!/bin/sh
# Starts one namespace host and stays as the parent of its init. Runs on the machine, as root.
#   start.sh TESTBED_ID HOST NETNS|- FOLDER LAYERS
# FOLDER is the host's own folder (upper, work, root, data, disk); LAYERS is overlayfs's lowerdir list.
# A NETNS of - keeps the machine's own network: that is how a host is provisioned before it is made a layer.
set -eu
id=$1 host=$2 netns=$3 folder=$4 layers=$5
here=$(cd "$(dirname "$0")" && pwd)

# The host's own sub-tree in every cgroup hierarchy. It is entered first, so that every process of the host, this one
# included, can be found there from the very beginning.
while IFS=: read -r _ controllers _; do
  if [ -z "$controllers" ]; then
    mount_point=$(awk '$9 == "cgroup2" || $8 == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
  else
    mount_point=$(awk -v wanted="$controllers" '
      { for (i = 7; i <= NF; i++) if ($i == "-") { type = $(i + 1); options = $(i + 3) } }
      type == "cgroup" && index("," options ",", "," wanted ",") { print $5; exit }' /proc/self/mountinfo)
  fi
  [ -n "$mount_point" ] || continue
  path=$mount_point
  for part in migration-testbed "$id" "$host"; do
    mkdir -p "$path/$part" # -p: another host of the testbed may be making it at this moment
    for file in cpuset.cpus cpuset.mems; do # an empty cpuset refuses processes
      if [ "$controllers" = cpuset ] || [ "${controllers#*cpuset}" != "$controllers" ]; then
        [ -n "$(cat "$path/$part/$file")" ] || cat "$path/$file" >"$path/$part/$file"
      fi
    done
    path=$path/$part
  done
  echo $$ >"$path/cgroup.procs"
done </proc/self/cgroup

set -- unshare --mount --propagation private --pid --fork --uts --ipc --cgroup -- \
  /bin/sh "$here/boot.sh" "$host" "$folder" "$layers"
[ "$netns" = - ] || set -- nsenter "--net=/run/netns/$netns" "$@"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "MIGRATION_TESTBED=$id/$host" "$@"
