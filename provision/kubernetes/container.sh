#!/bin/sh
# What the tool does to a container of a pod on this node, beside the kubelet. ID is containerd's; FOLDER is one of $restoring.
#   container.sh pid ID               the main process, as the host numbers it
#   container.sh layer ID             its writable layer
#   container.sh cut ADDRESS          no packet reaches the pod any more, and none leaves it
#   container.sh freeze ID
#   container.sh go-on ID             undoes cut and freeze
#   container.sh kill ID
#   container.sh make FOLDER          a place to be restored from
#   container.sh dump ID FOLDER       freezes it, and leaves CRIU's images in FOLDER
#   container.sh await-ready FOLDER   until the pod that is restored from there waits; prints its address and its writable layer
#   container.sh restore FOLDER       waits for a line on standard input, then has the pod restored
#   container.sh let-go               no pod waits to be restored any more
#   container.sh clean                waits until the kubelet has removed all pods, and removes what these actions made
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
cut_table=migration-testbed-cut
runc() { command runc --root "$containers" "$@"; }
forget_cut() { ! nft list table inet $cut_table >/dev/null 2>&1 || nft delete table inet $cut_table; }
is_gone() { ! [ -e "$containers/$1" ]; }

case $1 in
  pid)
    pid=$(sed -n 's/.*"init_process_pid":\([0-9]*\).*/\1/p' "$containers/$2/state.json")
    [ -n "$pid" ] || fail "runc knows no container $2" "ls $containers on the host"
    echo "$pid"
    ;;
  layer)
    awk -v id="/$2/rootfs" 'substr($5, length($5) - length(id) + 1) == id { print $NF }' /proc/self/mountinfo | tr , '\n' |
      sed -n 's/^upperdir=//p'
    ;;
  cut)
    nft -f - <<NFT
table inet $cut_table
flush table inet $cut_table
table inet $cut_table {
  chain forward {
    type filter hook forward priority -300
    ip saddr $2 drop
    ip daddr $2 drop
  }
}
NFT
    ;;
  freeze) runc pause "$2" ;;
  go-on)
    forget_cut
    runc state "$2" | grep -q '"status": "paused"' || exit 0
    runc resume "$2"
    ;;
  kill) is_gone "$2" || runc kill "$2" KILL || is_gone "$2" ;;
  make)
    rm -rf "$2"
    mkdir -p "$2/images"
    mkfifo "$2/told"
    ;;
  dump)
    runc pause "$2"
    runc checkpoint --leave-running --image-path "$3/images" --work-path "$3" "$2"
    ;;
  await-ready)
    wait_until 60 'the pod that is to be restored' test -e "$2/ready"
    cat "$2/ready"
    ;;
  restore)
    read -r _
    echo go >"$2/told"
    until [ -e "$2/restored" ]; do sleep 0.005; done
    code=$(cat "$2/restored")
    [ "$code" = 0 ] || fail "runc could not restore it (exit $code)" "the log of CRIU is in $2 or /var/log/criu on the host"
    ;;
  let-go)
    for pipe in "$restoring"/*/told; do
      [ ! -p "$pipe" ] || timeout 1 sh -c 'echo never >"$1"' sh "$pipe" || true
    done
    ;;
  clean)
    forget_cut
    pods_are_gone() {
      own=$(sh "$here/own-pods.sh")
      ! { ls -A "$containers" 2>/dev/null; sed -n "s#.* $state/kubelet/pods/\([^/]*\)/.*#\1#p" /proc/self/mountinfo; } | grep -qvxF "${own:-none}"
    }
    wait_until 30 'the end of all pods' pods_are_gone
    # containerd leaves it behind when a restore fails.
    for mounted in /tmp/checkpoint[0-9]*; do ! mountpoint -q "$mounted" || { umount "$mounted" && rmdir "$mounted"; }; done
    rm -rf "$restoring" "$restored" "$state"/kubelet/checkpoints/checkpoint-workload-*
    for image in $($images images ls -q | grep -F '/migration-testbed/checkpoint'); do $images images rm "$image" >/dev/null; done
    ;;
  *) fail "unknown: $1" 'see the head of this script' ;;
esac
