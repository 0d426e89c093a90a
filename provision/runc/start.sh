#!/bin/sh
# Starts the prepared bundle and prints the process id of its first process.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
cd "$bundle"
$runc --log "$state/start.log" run --detach --pid-file "$state/pid" "$id" </dev/null >/dev/null 2>&1 || {
  sed 's/.*msg=//' "$state/start.log" >&2
  exit 1
}
bridge link set dev "$veth" state 3
sh "$(dirname "$0")/running.sh"
