#!/bin/sh
# The destination's side of a move. Listens, takes what source.sh sends, and restores it as soon as the last byte is there.
# A word a line comes on standard input and goes to standard output:
#   in   reserve BYTES | round N | final | restore     the first when diskless, the last when volumes have to be here before it
#   out  key KEY | synchronised | reserved | round N | received | restored PID | announced | lazy PAGES | failed WHAT
# and on standard error the port that it listens on.
#   destination.sh ADDRESS PEER
# MODE is stop-copy, diskless or postcopy; PAGE_SERVER the address and port of the page server; TRANSFER tcp, ssh or rsync;
# COMPRESSION what the bytes came through: none, zstd or lz4; SERVICE address and MAC of the workload; VOLUMES yes when it has any.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
here=$(dirname "$0")
address=$1 peer=$2
if [ "${connected:-}" != yes ]; then
  exec 3<&0 4>&1 </dev/null
  export connected=yes "$mark=yes"
  cd "$state"
  case $TRANSFER in
    ssh)
      # A server of its own, for one key and one purpose: whom the host itself lets in does not matter.
      mkdir -p ssh
      for name in host key; do ssh-keygen -q -t ed25519 -N '' -C migration-testbed -f "ssh/$name"; done
      echo "from=\"$peer\",restrict $(cat ssh/key.pub)" >ssh/authorized
      cat >ssh/config <<CONFIG
ListenAddress $address:27028
HostKey $state/ssh/host
AuthorizedKeysFile $state/ssh/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
ClientAliveInterval 3
ClientAliveCountMax 4
ForceCommand cat >$state/stream
CONFIG
      mkfifo stream
      mkdir -p /run/sshd
      echo "key $(base64 -w 0 ssh/key)" >&4
      /usr/sbin/sshd -D -e -f "$state/ssh/config" >/dev/null 3<&- 4>&- &
      exec <stream
      ;;
    rsync)
      printf '[state]\npath = %s\nuid = root\ngid = root\nread only = no\nuse chroot = no\nhosts allow = %s\n' \
        "$state" "$peer" >rsyncd.conf
      rsync --daemon --no-detach --config=rsyncd.conf --address="$address" --port=27029 --log-file=rsyncd.log \
        </dev/null >/dev/null 3<&- 4>&- &
      ;;
  esac
  # Dead when nothing was heard for a while: the workload is frozen meanwhile.
  [ "$TRANSFER" = ssh ] ||
    exec socat -d -d "TCP4-LISTEN:0,bind=$address,range=$peer/32,nodelay,keepalive,keepidle=4,keepintvl=2,keepcnt=4" \
      "EXEC:sh $0 $address $peer,nofork"
fi
exec >/dev/null
tell() { echo "$*" >&4; }
failed() { tell "failed $*"; exit 1; }
# Before `failed`: the lines of a log of CRIU that matter.
quote() { grep Error "$work/$1.log" | grep -v RLIMIT_NOFILE >&2 || true; }

# Whether this machine gives memory that it does not use back to a hypervisor (free page reporting: bit 5 of the balloon's features).
gives_back() {
  for features in /sys/bus/virtio/drivers/virtio_balloon/virtio*/features; do
    [ "$(cut -c 6 "$features" 2>/dev/null)" != 1 ] || return 0
  done
  return 1
}

# reserve BYTES: makes room for the images and for the process that is restored from them. Such a machine has to ask for memory again, page by
# page, while the workload is frozen; what was used a moment ago is at hand.
reserve() {
  available=$(awk '/^MemAvailable:/ { printf "%d", $2 * 1024 }' /proc/meminfo)
  [ $(($1 * 2)) -lt "$available" ] ||
    failed "not enough memory: $(($1 * 2 >> 20)) MiB are needed for the images and the process, $((available >> 20)) MiB are free"
  ! gives_back || head -c $(($1 * 2)) /dev/zero >"$images/reserved" 2>/dev/null || true # it was worth trying
}

# not_written WHAT: fails with it, and says so when there is no room. tar does not when a little of what it wrote last had room.
not_written() {
  for folder in "$images" "$bundle/upper"; do
    [ "$(df --output=avail "$folder" | tail -n 1)" -gt 0 ] || set -- "$1: No space left on device ($folder)"
  done
  failed "$1"
}

layer() { tar -x -b 64 -B -g /dev/null --xattrs --xattrs-include='*' --numeric-owner -C "$bundle/upper"; }
unpack() { tar -x -b 2048 -B -C "$state"; }

cd "$state"
rm -f resumed status "$work/page-server.log" "$work/lazy-pages.log" "$work/lazy-pages.socket"
mkfifo resumed status
mkdir -p images/final
exec 5<>resumed
# shellcheck disable=SC2086 # address and MAC
ip netns exec "$netns" sh "$here/../network/announce.sh" $SERVICE 3 20 eth0 <&5 3<&- 4>&- &
announcer=$!
if [ "$MODE" = diskless ]; then
  exec 7<>status
  criu page-server --images-dir "$images/final" --work-dir "$work" --log-file page-server.log -v4 \
    --address "${PAGE_SERVER%:*}" --port "${PAGE_SERVER#*:}" --status-fd 7 </dev/null >/dev/null 2>&1 3<&- 4>&- &
  receiver=$!
  timeout 5 sh -c 'dd bs=1 count=1 >/dev/null 2>&1' <&7 || { quote page-server; failed "the page server does not listen on $PAGE_SERVER"; }
fi
layer || not_written 'the writable layer could not be unpacked'
tell synchronised
if [ "$MODE" = diskless ]; then
  read -r word bytes <&3 && [ "$word" = reserve ] || exit 0
  reserve "$bytes"
  tell reserved
fi

while read -r word round <&3 && [ "$word" = round ]; do
  unpack || not_written "round $round could not be unpacked"
  if [ "$COMPRESSION" != none ] && [ "$TRANSFER" != rsync ]; then
    $COMPRESSION -d <packed | tar -x -C "$state" || not_written "round $round could not be unpacked"
    rm packed
  fi
  tell "round $round"
done
[ "$word" = final ] || exit 0
rm -f "$images/reserved"

# A connection that breaks looks like this too, and whoever hears of it first tells.
broken='the transfer broke off: what was received is not whole'
if [ "$COMPRESSION" = none ] || [ "$TRANSFER" = rsync ]; then
  { unpack && layer; } || not_written "$broken"
else
  $COMPRESSION -d | { unpack && layer; } || not_written "$broken"
fi
tell received
[ "$MODE" != diskless ] || wait "$receiver" || { quote page-server; failed 'the page server'; } # it writes its last when it ends
if [ "$VOLUMES" = yes ]; then
  read -r word <&3 && [ "$word" = restore ] || exit 0
fi
set -- --image-path "$images/final"
if [ "$MODE" = postcopy ]; then
  dd >/dev/null 2>&1 # until the source ends the connection: then its page server is there
  exec 7<>status
  criu lazy-pages --images-dir "$images/final" --work-dir "$work" --log-file lazy-pages.log -v4 --page-server \
    --address "${PAGE_SERVER%:*}" --port "${PAGE_SERVER#*:}" --status-fd 7 </dev/null >/dev/null 2>&1 3<&- 4>&- &
  timeout 5 sh -c 'dd bs=1 count=1 >/dev/null 2>&1' <&7 || { quote lazy-pages; failed 'the daemon of lazy pages is not ready'; }
  set -- "$@" --lazy-pages
fi
cd "$bundle"
$runc --log "$state/restore.log" restore --detach "$@" --work-path "$work" --tcp-established --file-locks \
  --pid-file "$state/pid" "$id" </dev/null >/dev/null 2>&1 3<&- 4>&- || failed 'runc restore'
pid=$(cat "$state/pid")
kill -0 "$pid" 2>/dev/null || failed "process $pid was restored and is gone"
tell "restored $pid"
wait "$announcer"
tell announced
wait
[ "$MODE" != postcopy ] || tell "lazy $(sed -n 's/.*UFFD transferred pages: (\([0-9]*\).*/\1/p' "$work/lazy-pages.log" |
  awk '{ sum += $1 } END { printf "%d", sum }')"
