#!/bin/sh
# The source's side of a move. Connects to the destination, sends the writable layer while the workload runs, and waits; from
# the freeze to the last byte it asks nobody. A word a line comes on standard input and goes to standard output:
#   in   pre-dump N | go | release | resume         nothing more: the workload goes on here
#   out  connected | synchronised BYTES_OF_MEMORY | round N BYTES STATISTICS | dumped | sent BYTES | ended EXIT_CODE [STATISTICS] | failed WHAT
#   source.sh DESTINATION PORT
# MODE is stop-copy, diskless or postcopy; PAGE_SERVER the address and port of the page server; TRANSFER tcp, ssh or rsync, KEY what
# ssh logs in with; COMPRESSION what the bytes go through: none, zstd or lz4.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
destination=$1 port=$2
if [ "${connected:-}" != yes ]; then
  exec 3<&0 4>&1 </dev/null
  export connected=yes "$mark=yes"
  if [ "$TRANSFER" = ssh ]; then
    mkdir -p "$state/ssh"
    (umask 077 && echo "$KEY" | base64 -d >"$state/ssh/key")
    rm -f "$state/stream"
    mkfifo "$state/stream"
    ssh -T -F none -i "$state/ssh/key" -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
      -o LogLevel=ERROR -o ConnectTimeout=5 -o ServerAliveInterval=3 -o ServerAliveCountMax=4 "root@$destination" \
      <"$state/stream" >/dev/null 3<&- 4>&- &
    exec >"$state/stream"
  else
    # socat becomes this script again with the connection as its standard output: nothing copies what tar writes.
    exec socat "TCP4:$destination:$port,connect-timeout=5,nodelay" "EXEC:sh $0 $destination $port,nofork"
  fi
fi
exec </dev/null # it was the connection too, which would stay open by it
tell() { echo "$*" >&4; }
failed() { tell "failed $*"; exit 1; }

# layer: what of the writable layer is new since the last time.
layer() {
  tar -c -b 64 --format=posix --totals --xattrs --xattrs-include='*' --numeric-owner -g "$state/seen" -C "$bundle/upper" . 2>>"$state/said"
}
pack() { tar -c -b 2048 --totals -C "$state" "$@" 2>>"$state/said"; }
# send FOLDER…: what the destination unpacks below the same folder. rsync has a way of its own; an empty archive says that it is done.
send() {
  if [ "$TRANSFER" = rsync ]; then
    zip=
    [ "$COMPRESSION" = none ] || zip="--compress --compress-choice=$COMPRESSION"
    # shellcheck disable=SC2086
    (cd "$state" && rsync -aRW --inplace --stats --no-human-readable --timeout=15 $zip "$@" "rsync://$destination:27029/state/") >>"$state/said" &&
      pack -T /dev/null
  elif [ "$COMPRESSION" = none ]; then
    pack "$@"
  else
    tar -c -b 2048 -C "$state" "$@"
  fi
}
# All that was written to the connection; dd and tar say it, each in its own way.
bytes() {
  awk '/^Total bytes written: /  { sum += $4 }
    / bytes .*copied/ { sum += $1 }
    /^Total bytes sent: / { sum += $4 } END { printf "%d\n", sum }' "$state/said"
}
checkpoint() {
  $runc --log "$state/checkpoint.log" checkpoint --work-path "$work" --tcp-established --file-locks "$@" "$id" \
    </dev/null >/dev/null 2>&1 3<&- 4>&- && return
  code=$?
  sed -n 's/.*msg=//p' "$state/checkpoint.log" | tail -n 3 >&2
  return "$code"
}

tell connected
cd "$state"
rm -f events answers answer status push frozen-at said unsent checkpoint.log
mkfifo events answers
# Both ways: neither opening nor writing ever waits for the other side.
exec 5<>events 6<>answers
if [ "$MODE" = diskless ]; then
  mkfifo push
  exec 9<>push
  sh "$(dirname "$0")/push.sh" "$PAGE_SERVER" <push >/dev/null 3<&- 4>&- 5>&- 6>&- 9>&- &
fi
code=0
layer || code=$?
[ "$code" -le 1 ] || failed 'the writable layer could not be read' # 1: a file was written to meanwhile
# What the workload has in memory now.
tell "synchronised $(ip netns pids "$netns" | while read -r pid; do cat "/proc/$pid/status" 2>/dev/null || true; done |
  awk '/^VmRSS:/ { sum += $2 } END { printf "%d", sum * 1024 }')"

parent=
while read -r word round <&3 && [ "$word" = pre-dump ]; do
  mkdir -p "images/$round" pre-copying
  checkpoint --pre-dump --image-path "$images/$round" ${parent:+--parent-path "../$parent"} || failed "pre-dump $round"
  parent=$round
  statistics=$(base64 -w 0 "$work/stats-dump")
  if [ "$COMPRESSION" = none ] || [ "$TRANSFER" = rsync ]; then
    send "images/$round" || failed "round $round could not be sent"
  else
    { tar -c -C "$state" "images/$round" | $COMPRESSION >packed && pack packed; } || failed "round $round could not be sent"
    rm packed
  fi
  tell "round $round $(bytes) $statistics"
  rm said
done
[ "$word" = go ] || exit 0

rm -rf pre-copying
mkdir -p images/final
set -- --image-path "$images/final" ${parent:+--parent-path "../$parent"}
case $MODE in
  diskless)
    echo go >&9
    set -- "$@" --page-server "$PAGE_SERVER"
    ;;
  postcopy)
    mkfifo status
    exec 7<>status
    exec 8>status
    set -- "$@" --page-server "$PAGE_SERVER" --lazy-pages --status-fd 8
    { dd bs=1 count=1 <&7 >/dev/null 2>&1 && echo lazy >&5; } >&4 &
    ;;
esac
{
  code=0
  checkpoint "$@" || code=$?
  echo "ended $code" >&5
} >&4 &
read -r event <&5
if [ "$event" = dumped ]; then
  [ "$MODE" != postcopy ] || echo release >&6 # only then CRIU serves the rest of the pages; it ends with the last
  tell dumped
  if [ "$COMPRESSION" = none ] || [ "$TRANSFER" = rsync ]; then
    { send images/final shm && layer; } || touch unsent
  else
    { { send images/final shm && layer; } || touch unsent; } | $COMPRESSION | dd bs=1M 2>>said || touch unsent
  fi
  [ "$MODE" != postcopy ] || read -r event <&5 # the page server is there before the destination asks for pages
  exec 1>&-
  if [ -e unsent ]; then
    tell 'failed the connection to the destination broke'
    answer=resume
  else
    tell "sent $(bytes)"
    [ "$MODE" = postcopy ] || read -r answer <&3 || answer=resume
  fi
  [ "$MODE" = postcopy ] || echo "$answer" >&6
  case $event in ended*) ;; *) read -r event <&5 ;; esac
fi
[ "$event" = 'ended 0' ] || thaw # CRIU leaves it frozen as it found it: it was frozen before
[ "$event" != 'ended 0' ] || event="$event $(base64 -w 0 "$work/stats-dump")"
tell "$event"
