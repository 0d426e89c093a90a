#!/bin/sh
# Prints what must be known of an existing machine before it becomes a host: one `name<TAB>value` a line. Changes nothing.
# Sent over standard input: nothing of this tool is on the machine yet.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fact() { [ -z "$2" ] || printf '%s\t%s\n' "$1" "$2"; }

fact machineId "$(cat /etc/machine-id 2>/dev/null)"
fact distribution "$(. /etc/os-release && echo "$ID")"
fact version "$(. /etc/os-release && echo "${VERSION_ID:-}")"
fact freeBytes "$(df -P -B1 /var/lib | awk 'NR == 2 { print $4 }')"
fact owner "$(head -n 1 /var/lib/migration-testbed/testbed 2>/dev/null)"
fact links "$(ip -j addr show 2>/dev/null | tr -d '\n')"
fact routes "$(ip -4 -j route show 2>/dev/null | tr -d '\n')"
exit 0
