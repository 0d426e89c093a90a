#!/bin/sh
# A network namespace for a container that an engine other than Docker runs: one interface with the workload's address and
# MAC, whose other end becomes a port of svc0 only when it is told to join. So it can stand ready on a host while the same
# address still serves elsewhere.
#   namespace.sh make NAME ADDRESS MAC
#   namespace.sh hand-over NAME ADDRESS MAC COUNT
#                                waits for a line on standard input; then the address is on the service network, and all are
#                                told so COUNT times
#   namespace.sh leave NAME      and now no more: nobody there answers for it
#   namespace.sh remove NAME     with whatever CRIU left in it; does nothing where there is none
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
name=$2
# Named like those of Docker: link.sh and announce.sh tell ports of containers by it. 15 characters are allowed.
port=veth$(printf %s "$name" | sha256sum | cut -c 1-10)

make() {
  [ -e /sys/class/net/svc0 ] || fail 'this host has no bridge svc0' 'testbed up makes the service network'
  host=$(ip -o -4 addr show dev svc0 | awk '{ print $4; exit }')
  [ -n "$host" ] || fail 'svc0 has no address' 'testbed up makes the service network'
  remove
  ip netns add "$name"
  # As in Docker's networks: nothing but what is asked for is sent, and no address is made up.
  ip netns exec "$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip link add "$port" type veth peer name eth0 netns "$name"
  # A restored connection asks for its client before the address is handed over, in vain, and would ask again a second later.
  ip netns exec "$name" sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=20
  ip -n "$name" -batch - <<BATCH
link set lo up
link set eth0 address $2
addr add $1/${host#*/} dev eth0
link set eth0 up
route add default via ${host%/*}
BATCH
  ip link set "$port" up
}

remove() {
  ip link del "$port" 2>/dev/null || true
  [ ! -e "/run/netns/$name" ] || ip netns del "$name"
}

case $1 in
  make) make "$3" "$4" ;;
  hand-over)
    { read -r _ && ip link set "$port" master svc0 && echo now; } |
      ip netns exec "$name" sh "$(dirname "$0")/announce.sh" "$3" "$4" "$5" 20 eth0
    ;;
  leave) [ ! -e "/sys/class/net/$port" ] || ip link set "$port" nomaster ;;
  remove) remove ;;
  *) fail "unknown: $1" 'make, hand-over, leave or remove' ;;
esac
