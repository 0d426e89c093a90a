# shellcheck shell=sh disable=SC2154 # names.sh, and the record of the copy
# Copies as file systems of a pool of ZFS: a snapshot is taken at once, and only what changed since an earlier one is sent.
#   migration-testbed/ID            what the primary writes to; a replica's is read-only and at what it received last
#   migration-testbed/ID@SNAPSHOT
zpool=migration-testbed

pool() {
  modprobe -q zfs 2>/dev/null || fail 'the kernel has no module zfs' 'testbed up --with zfs brings it'
  zpool list -H "$zpool" >/dev/null 2>&1 && return
  image=$store/pool.zfs
  if [ -e "$image" ]; then
    zpool import -d "$store" -N -f "$zpool" || fail 'the pool of volumes cannot be imported' 'dmesg on the host tells why'
    return
  fi
  rm -f "$image.new"
  truncate -s "$(free_bytes "$store")" "$image.new"
  mv "$image.new" "$image"
  zpool create -f -o cachefile=none -o autotrim=on -O mountpoint=none -O atime=off -O xattr=sa "$zpool" "$image" || {
    rm -f "$image"
    fail 'no pool of ZFS could be made' "is there room in $store?"
  }
}

there() { zfs list -H -o name "$zpool/$id" >/dev/null 2>&1; }
whole() { zfs list -H -t snapshot -o name "$zpool/$id@$1" >/dev/null 2>&1; }
back_create() { there || zfs create -o mountpoint=legacy -o "refquota=$size" "$zpool/$id"; }
back_receiving() { :; }
back_mount() { mount -t zfs "$zpool/$id" "$1"; }
back_flush() { sync -f "$1"; } # what was written through a mapping of a file too
# Nothing that has it open writes any more, whatever it still has mounted.
back_demote() { ! there || zfs set readonly=on "$zpool/$id"; }
# back_promote SNAPSHOT: what was received last, or without one what was here.
back_promote() {
  there || fail "no copy of $name to start from"
  if [ -n "$1" ]; then
    whole "$1" || fail "snapshot $1 of $name is not whole"
    zfs rollback -r "$zpool/$id@$1"
  fi
  zfs set readonly=off "refquota=$size" "$zpool/$id"
}
# What it wrote after the last snapshot goes when the next one is received.
back_release() { :; }
back_snapshot() { whole "$1" || zfs snapshot "$zpool/$id@$1"; }
back_snapshots() { ! there || zfs list -H -d 1 -t snapshot -o name -s createtxg "$zpool/$id" | sed 's/.*@//'; }
back_drop() { ! whole "$1" || zfs destroy "$zpool/$id@$1"; }
back_send() {
  if [ -n "${2:-}" ]; then set -- -i "@$2" "$zpool/$id@$1"; else set -- "$zpool/$id@$1"; fi
  exec zfs send "$@"
}
# back_receive SNAPSHOT [BASE]: without a base everything comes anew, so what was here goes. What was cut off leaves nothing.
back_receive() {
  if [ -z "${2:-}" ]; then ! there || zfs destroy -r "$zpool/$id"; else ! whole "$1" || zfs destroy "$zpool/$id@$1"; fi
  zfs receive -F -u -o readonly=on -o mountpoint=legacy "$zpool/$id@$1"
}
back_used() {
  there || { echo 0 && return; }
  zfs get -Hp -o value referenced "$zpool/$id"
}
back_free() {
  inside=$(zfs get -Hp -o value available "$zpool") outside=$(free_bytes "$store")
  [ "$inside" -lt "$outside" ] && echo "$inside" || echo "$outside"
}
back_destroy() { ! there || zfs destroy -r "$zpool/$id"; }
