# shellcheck shell=sh disable=SC2154 # names.sh, and the record of the copy
# One set of files, which the host `home` keeps and serves to the primary alone: a copy is the right to mount them. No quota.
#   STORE/ID/files        on its home
pool() { :; }
at_home() { ip -4 -o address | grep -qF " $home/"; }
back_create() { mkdir -p "$store/$id/files"; }
back_receiving() { :; }
back_mount() {
  if at_home; then
    mount --bind "$store/$id/files" "$1"
    return
  fi
  modprobe -q nfs 2>/dev/null || true
  # A server that is away for a moment is waited for by whoever writes; the mount itself is not to hang for ever.
  timeout 60 mount -t nfs4 -o "hard,proto=tcp,retry=0,timeo=50" "$home:$store/$id/files" "$1" ||
    fail "$home does not serve $name" 'does that host run, and its nfs-server? testbed volume show tells where the files are'
}
# All that was written is at the home, whoever still has files open here.
back_flush() { at_home || sync -f "$1"; }
back_demote() { :; }
back_promote() { :; }
back_release() { :; }
# back_serve ADDRESS | nobody: the fence. What an earlier primary still has mounted is refused from here on.
back_serve() {
  awk -v path="$store/$id/files" '$1 == path { for (i = 2; i <= NF; i++) { sub(/\(.*/, "", $i); print $i } }' /var/lib/nfs/etab |
    while read -r client; do
      [ "$client" = "$1" ] || exportfs -u "$client:$store/$id/files"
    done
  [ "$1" != nobody ] || return 0
  ! ip -4 -o address | grep -qF " $1/" || return 0 # it needs no network to come to its own files
  if [ ! -e /proc/fs/nfsd/threads ] || [ "$(cat /proc/fs/nfsd/threads)" = 0 ]; then
    systemctl start nfs-server || fail 'the NFS server does not start' 'journalctl -u nfs-server on that host tells why'
  fi
  exportfs -o rw,sync,no_root_squash,no_subtree_check "$1:$store/$id/files"
}
back_snapshot() {
  at_home || fail "the files of $name are not here" 'move it to the host that keeps them first'
  keep "$store/$id/files" "$1"
}
back_snapshots() { kept; }
back_drop() { rm -rf "${store:?}/$id/kept/$1"; }
back_used() {
  [ -d "$store/$id/files" ] || { echo 0 && return; }
  du -s -B1 "$store/$id/files" | cut -f 1
}
back_free() { free_bytes "$store"; }
back_destroy() { ! at_home || back_serve nobody; } # the folder goes with the record
