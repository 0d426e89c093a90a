#!/bin/sh
# Joins an existing machine to the service network: a bridge svc0 over one of its NICs, which workloads join.
#   network.sh ID NAME UPLINK ADDRESS/PREFIX MAC
# What is made is written down first, in /var/lib/migration-testbed/testbed, so that clean.sh finds it after a crash too.
# Sent over standard input. Idempotent.
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
id=$1 name=$2 uplink=$3 address=$4 mac=$5
record=/var/lib/migration-testbed/testbed

owner=$(head -n 1 "$record" 2>/dev/null || true)
case $owner in '' | "$id "*) ;; *)
  echo "this machine belongs to testbed $owner" >&2
  exit 1
  ;;
esac
was=$(sed -n "s/^uplink $uplink //p" "$record" 2>/dev/null || true)
[ -n "$was" ] || was=$(ip -br link show dev "$uplink" | awk '{ print ($NF ~ /[<,]UP[,>]/) ? "up" : "down" }')
mkdir -p "$(dirname "$record")"
printf '%s %s\nuplink %s %s\n' "$id" "$name" "$uplink" "$was" >"$record.new"
mv "$record.new" "$record"
sync "$record" 2>/dev/null || true

# A desktop's or server's own network manager would take the address away again.
if command -v nmcli >/dev/null && nmcli -t general status >/dev/null 2>&1; then
  nmcli device set "$uplink" managed no || true
fi
[ -e /sys/class/net/svc0 ] || ip link add svc0 address "$mac" type bridge forward_delay 0 stp_state 0
ip link set svc0 alias "migration-testbed $id"
ip link set svc0 address "$mac"
ip link set "$uplink" master svc0
ip link set "$uplink" up
ip addr replace "$address" dev svc0
ip link set svc0 up
