#!/bin/sh
# Starts a container that was created with the runtime runc-gated.sh, but for its process: says `waiting`, and after a line on
# standard input lets it start, and says `open`. Until then nothing with the container's MAC leaves this host: the address may
# be in use elsewhere. Without that line the start is given up, and the container is left as it was created.
#   gate.sh CONTAINER_ID MAC
set -eu
network=/usr/local/lib/migration-testbed/provision/network
gates=/run/migration-testbed-gates
gate=$gates/$1
close() {
  exec 8>&-
  wait
  sh "$network/hold.sh" release
  rm -f "$gate" "$gate.failed"
  rmdir "$gates" 2>/dev/null || :
}
trap close EXIT
mkdir -p "$gates"
mkfifo "$gate"
sh "$network/hold.sh" hide "$2"
# A start that fails before it comes to the gate comes to it here.
start() {
  docker start "$1" >&2 && return
  : >"$gate.failed"
  : <>"$gate"
  return 1
}
start "$1" &
starting=$!
exec 8>"$gate"
[ ! -e "$gate.failed" ] || exit 1
echo waiting
read -r _
echo open >&8
exec 8>&-
sh "$network/hold.sh" release
wait "$starting"
echo open
