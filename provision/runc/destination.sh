#!/bin/sh
# The destination's side of a move. Listens, takes what source.sh sends, and restores it as soon as the last byte is there.
# A word a line comes on standard input and goes to standard output:
#   in   round N | final
#   out  synchronised | round N | received | restored PID | announced | failed WHAT
#   destination.sh ADDRESS PEER
# MODE is stop-copy, diskless or postcopy; PAGE_SERVER the address and port of the page server, COMPRESSION what the bytes came
# through, SERVICE address and MAC of the workload.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
here=$(dirname "$0")
if [ "${connected:-}" != yes ]; then
  exec 3<&0 4>&1 </dev/null
  export connected=yes "$mark=yes"
  exec socat -d -d "TCP4-LISTEN:0,bind=$1,range=$2/32,nodelay" "EXEC:sh $0,nofork"
fi
exec >/dev/null
tell() { echo "$*" >&4; }
failed() { tell "failed $*"; exit 1; }

layer() { tar -x -b 64 -B -g /dev/null --xattrs --xattrs-include='*' --numeric-owner -C "$bundle/upper"; }
unpack() { tar -x -b 2048 -B -C "$state"; }
ready() { dd bs=1 count=1 <"$1" >/dev/null 2>&1; }

cd "$state"
rm -f resumed status
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
  server=$!
  timeout 5 sh -c 'dd bs=1 count=1 >/dev/null 2>&1' <&7 || failed "the page server does not listen on $PAGE_SERVER"
fi
layer || failed 'the writable layer could not be unpacked'
tell synchronised

while read -r word round <&3 && [ "$word" = round ]; do
  unpack || failed "round $round could not be unpacked"
  if [ "$COMPRESSION" != none ]; then
    $COMPRESSION -d <packed | tar -x -C "$state" || failed "round $round could not be unpacked"
    rm packed
  fi
  tell "round $round"
done
[ "$word" = final ] || exit 0

if [ "$COMPRESSION" = none ]; then
  unpack && layer || failed 'what was sent could not be unpacked'
else
  $COMPRESSION -d | { unpack && layer; } || failed 'what was sent could not be unpacked'
fi
tell received
set -- --image-path "$images/final"
if [ "$MODE" = postcopy ]; then
  dd >/dev/null 2>&1 # until the source ends the connection: then its page server is there
  exec 7<>status
  criu lazy-pages --images-dir "$images/final" --work-dir "$work" --log-file lazy-pages.log -v4 --page-server \
    --address "${PAGE_SERVER%:*}" --port "${PAGE_SERVER#*:}" --status-fd 7 </dev/null >/dev/null 2>&1 3<&- 4>&- &
  timeout 5 sh -c 'dd bs=1 count=1 >/dev/null 2>&1' <&7 || failed 'the daemon of lazy pages is not ready'
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
