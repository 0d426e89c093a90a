#!/bin/sh
# Prints which exec of its program a process is: the 16 random bytes that the kernel gave it when it was started
# (AT_RANDOM, see getauxval(3)). A restored process still has them; one that was started again has others.
#   exec-identity.sh PID        (root: it reads another process's memory)
set -eu
pid=$1
at_random=25

address=$(od -A n -v -t u8 -w16 "/proc/$pid/auxv" | while read -r type value; do
  if [ "$type" = "$at_random" ]; then echo "$value"; fi
done)
[ -n "$address" ] || {
  echo "process $pid has no AT_RANDOM" >&2
  exit 1
}
bytes=$(dd "if=/proc/$pid/mem" bs=16 count=1 iflag=skip_bytes "skip=$address" status=none | od -A n -v -t x1 | tr -d ' \n')
[ "${#bytes}" -eq 32 ] || {
  echo "the memory of process $pid could not be read" >&2
  exit 1
}
echo "$bytes"
