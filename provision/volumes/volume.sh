#!/bin/sh
# Does one thing to this host's copies of datasets. Every action can be repeated.
#   create ID NAME BACK_END SIZE EPOCH [HOME]      an empty copy, the primary's; HOME: address of the host that keeps what hosts share
#   receiving ID NAME BACK_END SIZE EPOCH [HOME]   a copy that takes what is sent to it; one that is there is kept, unless it is the primary
#   attach ID EPOCH                         mounts the primary's copy for writing; prints where
#   detach ID [frozen | lost]               unmounts it; refused while something uses it, unless that is frozen, or wrote to what is lost
#   demote ID | promote ID EPOCH [SNAPSHOT] the end and the beginning of being the primary
#   release ID                              forgets what the primary wrote to, once another host is the primary
#   snapshot ID NAME | drop ID NAME
#   send ID SNAPSHOT [BASE] | receive ID SNAPSHOT [BASE]   a snapshot, which is taken now, through standard output and input
#   give ID ADDRESS PORT [SINCE] | take ID             a pass to a daemon, and the daemon, on a socket: back ends that compare files
#   serve ID ADDRESS | nobody               lets one host come to what is kept here, and no other: back ends that share
#   destroy ID
#   free BACK_END                           bytes that fit in
#   show                                    a line for each copy: id, name, back end, size, role, epoch, attached at, used, snapshots
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
here=$(dirname "$0")
action=$1
mkdir -p "$store"
# One at a time, but for what takes long: that changes nothing that others look at.
exec 9>"$store/lock"
case $action in send | receive | give | take) ;; *) flock -w 60 9 || fail 'the volumes of this host are busy' ;; esac

use() {
  # shellcheck source=btrfs.sh
  . "$here/$1.sh"
  pool
}
load() {
  load_record "$1"
  use "$back_end"
}
required_role() {
  [ "$role" = "$1" ] || fail "the copy of $name here is a $role's" 'testbed volume show tells where the primary is'
}
# Not asked of the mount itself: one whose server is away does not answer.
attached() { awk -v path="$mounts/$name" '$5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo; }

# Processes that see the copy in a mount namespace of their own. Services of systemd have namespaces too, into which every mount of the host
# is propagated, and out of which it goes with that of the host: they use nothing.
users_elsewhere() {
  path=$mounts/$name own=$(readlink /proc/self/ns/mnt)
  where=$(awk -v path="$path" '$5 == path {
    group = "none"
    for (i = 7; $i != "-"; i++) if ($i ~ /^shared:/) group = substr($i, 8)
    print $3, $4, group; exit }' /proc/self/mountinfo)
  [ -z "$where" ] || awk -v path="$path" -v where="$where" '
    BEGIN { split(where, ours, " ") }
    $3 == ours[1] && ($4 == ours[2] || index($4, ours[2] "/") == 1) {
      if ($5 == path) for (i = 7; $i != "-"; i++) if ($i == "master:" ours[3] || $i == "shared:" ours[3]) next
      split(FILENAME, part, "/")
      if (!(part[3] in seen)) { seen[part[3]]; print part[3] } }' /proc/[0-9]*/mountinfo 2>/dev/null |
    while read -r pid; do
      theirs=$(readlink "/proc/$pid/ns/mnt") || continue # it has ended: one of ours
      [ "$theirs" = "$own" ] || echo "$pid"
    done
}
# Processes that have something of it open in the host's own: for them the kernel refuses to unmount it.
users_here() { find /proc/[0-9]*/fd /proc/[0-9]*/cwd -lname "$mounts/$name*" 2>/dev/null | cut -d/ -f3 | sort -u; }
in_use_by() {
  [ $# -gt 0 ] || fail "$name cannot be unmounted" 'dmesg on the host may tell why'
  fail "$name is in use by $(for pid; do echo "process $pid ($(cat "/proc/$pid/comm" 2>/dev/null || echo gone))"; done | paste -s -d ',' | sed 's/,/, /g')" \
    'stop what uses it first'
}

case $action in
  create | receiving)
    id=$2
    if [ -f "$store/$id/record" ]; then
      load "$id"
      [ "$action" = create ] || required_role replica
    fi
    name=$3 back_end=$4 size=$5 epoch=$6 home=${7:-}
    use "$back_end"
    mkdir -p "$store/$id"
    if [ "$action" = create ]; then
      role=primary
      back_create
    else
      role=replica
      back_release # what was written here when it was the primary is not what is sent now
      back_receiving
    fi
    save_record "$id"
    ;;
  attach)
    load "$2"
    required_role primary
    [ "$epoch" = "$3" ] || fail "the copy of $name here is of epoch $epoch, the valid one of epoch $3" 'testbed volume show tells where it is'
    if ! attached; then
      mkdir -p "$mounts/$name"
      back_mount "$mounts/$name"
    fi
    echo "$mounts/$name"
    ;;
  detach)
    load "$2"
    if attached; then
      case ${3:-} in
        frozen) back_flush "$mounts/$name" && umount -l "$mounts/$name" ;;
        lost) umount -l "$mounts/$name" ;;
        *)
          using=$(users_elsewhere)
          # shellcheck disable=SC2086 # numbers
          [ -z "$using" ] || in_use_by $using
          # shellcheck disable=SC2046
          umount "$mounts/$name" || in_use_by $(users_here)
          ;;
      esac
    fi
    [ ! -d "$mounts/$name" ] || rmdir "$mounts/$name"
    ;;
  demote)
    load "$2"
    ! attached || fail "$name is still attached"
    role=replica
    save_record "$id" # the fence first
    back_demote
    ;;
  promote)
    load "$2"
    [ "$epoch" -le "$3" ] || fail "the copy of $name here is of epoch $epoch, newer than $3"
    if [ "$role" != primary ] || [ "$epoch" != "$3" ]; then
      back_promote "${4:-}"
      role=primary epoch=$3
      save_record "$id"
    fi
    ;;
  release)
    load "$2"
    required_role replica
    back_release
    ;;
  serve) load "$2" && back_serve "$3" ;;
  snapshot) load "$2" && back_snapshot "$3" ;;
  drop) load "$2" && back_drop "$3" ;;
  send) load "$2" && exec 9>&- && back_snapshot "$3" && back_send "$3" "${4:-}" ;;
  receive) load "$2" && required_role replica && exec 9>&- && back_receive "$3" "${4:-}" ;;
  give) load "$2" && exec 9>&- && back_give "$3" "$4" "${5:-}" ;;
  take) load "$2" && required_role replica && exec 9>&- && back_take ;;
  destroy)
    id=$2
    if [ -f "$store/$id/record" ]; then
      load "$id"
      if attached; then umount "$mounts/$name" || fail "$name is in use" 'stop what uses it first'; fi
      [ ! -d "$mounts/$name" ] || rmdir "$mounts/$name"
      back_destroy
    fi
    rm -rf "${store:?}/$id"
    ;;
  free) use "$2" && back_free ;;
  show)
    for record in "$store"/*/record; do
      [ -f "$record" ] || continue
      id=$(basename "$(dirname "$record")")
      load "$id"
      at=-
      ! attached || at=$mounts/$name
      printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$id" "$name" "$back_end" "$size" "$role" "$epoch" "$at" "$(back_used)" \
        "$(back_snapshots | paste -s -d ',')"
    done
    ;;
  *) fail "there is no action $action" ;;
esac
