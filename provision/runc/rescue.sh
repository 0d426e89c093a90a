#!/bin/sh
# After a failed move: brings the workload back at the source, where CRIU allows it, and says how it stands:
#   serves PID | gone       and before it, a line for each lock of CRIU that was left in the network and is removed
# A dump that failed by itself has let it go on already; one that was killed or hangs is ended here.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
tries=0
while left=$(marked) && [ -n "$left" ]; do
  tries=$((tries + 1))
  # shellcheck disable=SC2086
  [ "$tries" -lt 20 ] || kill -KILL $left 2>/dev/null || true
  [ "$tries" -lt 40 ] || break
  sleep 0.1
done
thaw
unlock_network
pid=$(cat "$state/pid" 2>/dev/null || true)
if [ -n "$pid" ] && grep -qs '^State:[[:space:]]*[RSD]' "/proc/$pid/status"; then
  bridge link set dev "$veth" state 3
  echo "serves $pid"
else
  echo gone
fi
