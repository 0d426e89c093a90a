#!/bin/sh
# The sending end: what COMMAND writes goes to a listening receive.sh.
#   send.sh ADDRESS PORT COMMAND…
set -eu
address=$1 port=$2
shift 2
# A peer that is gone, or a link, is noticed within 15 s, idle or not (TCP_USER_TIMEOUT is option 18 of level 6).
alive=keepalive,keepidle=5,keepintvl=3,keepcnt=3,setsockopt-int=6:18:15000
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
{ "$@" || echo "$1 ended with $?" >"$failed"; } | socat -u -b 1048576 STDIN "TCP4:$address:$port,connect-timeout=5,$alive"
if [ -s "$failed" ]; then
  cat "$failed" >&2
  exit 1
fi
