#!/bin/sh
# Prints the process id of the bundle's first process; fails when it does not run.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
pid=$(cat "$state/pid" 2>/dev/null || true)
if [ -z "$pid" ] || ! grep -qs '^State:[[:space:]]*[RSD]' "/proc/$pid/status"; then
  echo "the workload does not run${pid:+: process $pid is gone}" >&2
  exit 1
fi
echo "$pid"
