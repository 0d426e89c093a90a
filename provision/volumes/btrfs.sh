# shellcheck shell=sh disable=SC2154 # names.sh, and the record of the copy
# Copies as subvolumes: a snapshot is taken at once, and only what changed since an earlier one is sent.
#   POOL/ID/data          what the primary writes to
#   POOL/ID/SNAPSHOT      read-only; received ones have the UUID of what they were made from, by which increments find them

# A host whose store is on btrfs needs nothing else; any other keeps a file system of its own in a sparse file.
pool() {
  if [ "$(stat -f -c %T "$store")" = btrfs ]; then
    pool=$store/pool
    mkdir -p "$pool"
    return
  fi
  pool=$store/pool image=$store/pool.img
  mkdir -p "$pool"
  mountpoint -q "$pool" && return
  if [ ! -e "$image" ]; then
    rm -f "$image.new"
    truncate -s "$(free_bytes "$store")" "$image.new"
    mkfs.btrfs -q "$image.new" || fail 'no btrfs could be made' "is there room in $store?"
    mv "$image.new" "$image"
  fi
  # Hosts without udev have no nodes of loop devices.
  [ -e /dev/loop-control ] || mknod -m 0600 /dev/loop-control c 10 237
  for number in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31; do
    [ -e "/dev/loop$number" ] || mknod -m 0600 "/dev/loop$number" b 7 "$number"
  done
  mount -t btrfs -o loop,noatime,discard "$image" "$pool" || fail 'the pool of volumes cannot be mounted' 'dmesg on the host tells why'
  btrfs quota enable "$pool"
}

back_create() { make_data; }
make_data() {
  mkdir -p "$pool/$id"
  [ -d "$pool/$id/data" ] || btrfs -q subvolume create "$pool/$id/data"
  btrfs qgroup limit "$size" "$pool/$id/data"
}
back_receiving() { mkdir -p "$pool/$id"; }
back_mount() { mount --bind "$pool/$id/data" "$1"; }
back_flush() { :; } # the snapshot of the last pass holds what was written
# Nothing that has it open writes any more, whatever it still has mounted.
back_demote() { [ ! -d "$pool/$id/data" ] || btrfs property set -t subvol "$pool/$id/data" ro true; }
# back_promote SNAPSHOT: from a snapshot when there is no data yet.
back_promote() {
  if [ -d "$pool/$id/data" ]; then
    btrfs property set -f -t subvol "$pool/$id/data" ro false
    return
  fi
  [ -n "$1" ] || fail "no snapshot of $name to start from"
  whole "$1" || fail "snapshot $1 of $name is not whole"
  btrfs -q subvolume snapshot "$pool/$id/$1" "$pool/$id/data"
  btrfs qgroup limit "$size" "$pool/$id/data"
}
# What is no longer the primary's: the data goes, its snapshots are what increments are sent from or to.
back_release() { [ ! -d "$pool/$id/data" ] || btrfs -q subvolume delete "$pool/$id/data"; }
back_snapshot() {
  [ ! -d "$pool/$id/$1" ] || return 0
  btrfs -q subvolume snapshot -r "$pool/$id/data" "$pool/$id/$1"
}
whole() { [ "$(btrfs property get -t subvol "$pool/$id/$1" ro 2>/dev/null)" = ro=true ]; }
back_snapshots() {
  [ -d "$pool/$id" ] || return 0
  for one in "$pool/$id"/*; do
    one=${one##*/}
    if [ "$one" != data ] && [ "$one" != '*' ] && whole "$one"; then echo "$one"; fi
  done
}
back_drop() { [ ! -d "$pool/$id/$1" ] || btrfs -q subvolume delete "$pool/$id/$1"; }
back_send() {
  if [ -n "${2:-}" ]; then set -- -p "$pool/$id/$2" "$pool/$id/$1"; else set -- "$pool/$id/$1"; fi
  exec btrfs -q send "$@"
}
# What was cut off before is not taken for a snapshot, and makes room.
back_receive() {
  [ ! -d "$pool/$id/$1" ] || btrfs -q subvolume delete "$pool/$id/$1"
  btrfs -q receive "$pool/$id"
  whole "$1" || fail "snapshot $1 did not arrive whole"
}
back_used() {
  [ -d "$pool/$id/data" ] || { echo 0 && return; }
  btrfs qgroup show -f --raw "$pool/$id/data" | awk 'END { print $2 }'
}
back_free() {
  inside=$(free_bytes "$pool") outside=$(free_bytes "$store")
  [ "$inside" -lt "$outside" ] && echo "$inside" || echo "$outside"
}
back_destroy() {
  [ -d "$pool/$id" ] || return 0
  for one in "$pool/$id"/*; do
    [ ! -d "$one" ] || btrfs -q subvolume delete "$one"
  done
  rmdir "$pool/$id"
}
