# shellcheck shell=sh disable=SC2154 # names.sh, and the record of the copy
# Copies as folders, on any file system: passes of rsync bring one in line with the other. No quota.
#   STORE/ID/copy         what the primary writes to, and what a pass changes
#   STORE/ID/kept/NAME    snapshots
pool() { :; }
back_create() { mkdir -p "$store/$id/copy"; }
back_receiving() { mkdir -p "$store/$id/copy"; }
back_mount() { mount --bind "$store/$id/copy" "$1"; }
back_flush() { :; } # the last pass reads what was written
back_demote() { :; } # what counts is the record: it is not attached any more
back_promote() { :; }
back_release() { :; }
back_snapshot() { keep "$store/$id/copy" "$1"; }
back_snapshots() { kept; }
back_drop() { rm -rf "${store:?}/$id/kept/$1"; }
# back_give ADDRESS PORT [SINCE]: what is not there yet. rsync takes a file of the same size and time for the same; one that was
# written to in the same tick of the clock as a pass read it is not. So whatever changed SINCE a pass began (seconds) is compared by content.
back_give() {
  target=rsync://$1:$2/copy/ since=$3
  set -- -aHAX --numeric-ids --inplace --no-whole-file --stats --no-human-readable --timeout=30
  cd "$store/$id/copy" || return
  [ -z "$since" ] || find . -newermt "@$since" -type f -print0 | rsync "$@" --ignore-times --from0 --files-from=- . "$target"
  rsync "$@" --delete . "$target"
}
# The daemon takes the connection for its standard input; both runs of a pass come one after the other.
back_take() {
  printf '[copy]\npath = %s\nread only = no\nuid = root\ngid = root\nuse chroot = no\n' "$store/$id/copy" >"$store/$id/rsyncd.conf"
  exec rsync --daemon --config="$store/$id/rsyncd.conf"
}
back_used() { du -s -B1 "$store/$id/copy" | cut -f 1; }
back_free() { free_bytes "$store"; }
back_destroy() { :; } # the folder goes with the record
