#!/bin/sh
# The sending end: what COMMAND writes goes to a listening receive.sh.
#   send.sh ADDRESS PORT COMMAND…
set -eu
address=$1 port=$2
shift 2
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
{ "$@" || echo "$1 ended with $?" >"$failed"; } | socat -u -b 1048576 STDIN "TCP4:$address:$port,connect-timeout=5"
if [ -s "$failed" ]; then
  cat "$failed" >&2
  exit 1
fi
