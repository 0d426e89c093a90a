#!/bin/sh
# Makes a bundle and the network that it will be in, its bridge port still down. config.json comes on standard input.
#   prepare.sh IMAGE_ID ADDRESS MAC MODE        stop-copy, diskless or postcopy
# The root file system is the image's, unpacked once, under an overlay of the trial's own; the network namespace is made here
# and not by runc, so that CRIU neither dumps nor restores it.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
image=$1 address=$2 mac=$3 mode=$4
sh "$(dirname "$0")/remove.sh"
mkdir -p "$bundle/rootfs" "$bundle/upper" "$bundle/overlay-work" "$state/runc" "$state/shm" "$images" "$work"
chmod 1777 "$state/shm"
cat >"$bundle/config.json"

lower=$store/images/${image#sha256:}
sh "$(dirname "$0")/unpack.sh" "$image" "$lower"
mount -t overlay -o "lowerdir=$lower,upperdir=$bundle/upper,workdir=$bundle/overlay-work" migration-testbed "$bundle/rootfs"
# A page server writes faster to huge pages. Whoever writes images with ordinary calls waits for them instead.
huge=
[ "$mode" != diskless ] || huge=,huge=always
mount -t tmpfs -o "size=90%,mode=0700$huge" migration-testbed "$images" 2>/dev/null ||
  mount -t tmpfs -o size=90%,mode=0700 migration-testbed "$images" # a kernel without them

# The lock of the network is ours: a bridge port that lets nothing through is closed and opened in a millisecond, where CRIU's
# firewall rules take tens of them, and nothing can be left behind in a firewall. CRIU 4.1 crashes when it reads of it in a
# file, and then locks in its own way as well.
version=$(criu --version | awk '/^Version:/ { print $2 }')
lock='network-lock skip'
[ "$(printf '%s\n4.2\n' "$version" | sort -V | head -n 1)" = 4.2 ] || lock="# CRIU $version: network-lock"
# What runc cannot pass on.
cat >"$bundle/criu.conf" <<CONF
tcp-established
skip-in-flight
file-locks
ghost-limit 67108864
$lock
manage-cgroups ignore
work-dir $work
action-script $bundle/on-action
CONF
# CRIU holds the frozen workload until the destination has restored it: if it cannot, the workload goes on here. CRIU 4.1 runs
# each action twice; the second time changes nothing.
cat >"$bundle/on-action" <<HOOK
#!/bin/sh
case \$CRTOOLS_SCRIPT_ACTION in
  pre-dump)
    # In a round of pre-copy CRIU has to thaw it again, which it does not when it found it frozen.
    [ -e $state/pre-copying ] || [ -e $state/frozen-at ] || exec sh $(dirname "$0")/freeze.sh
    ;;
  network-lock) exec bridge link set dev $veth state 0 ;;
  post-resume)
    [ ! -p $state/resumed ] || echo resumed >$state/resumed
    ;;
  network-unlock) exec bridge link set dev $veth state 3 ;;
  post-dump)
    [ -p $state/events ] || exit 0
    if [ ! -e $state/answer ]; then
      echo dumped >$state/events
      read -r answer <$state/answers
      echo "\$answer" >$state/answer
    fi
    read -r answer <$state/answer
    [ "\$answer" = release ]
    ;;
esac
HOOK
chmod 0755 "$bundle/on-action"

# Post-copy needs pipes as large as memory; who may not exceed the limits of pipes has them lifted until the bundle is removed.
if [ "$mode" = postcopy ] && [ "$(cat /proc/sys/fs/pipe-max-size)" -lt 1073741824 ] &&
  [ $((0x$(awk '$1 == "CapEff:" { print substr($2, length($2) - 6, 1) }' /proc/self/status) & 1)) = 0 ]; then
  for name in pipe-max-size pipe-user-pages-soft; do cp "/proc/sys/fs/$name" "$state/$name"; done
  echo 1073741824 >/proc/sys/fs/pipe-max-size
  echo 0 >/proc/sys/fs/pipe-user-pages-soft
fi

# The address comes last, when the bridge port lets nothing through: until the workload is here, nothing here may answer for it.
# IPv6 is off, as in Docker's network: its first words on a link would draw the workload's MAC to this host.
own=$(ip -o -4 addr show dev svc0 | awk '{ print $4; exit }')
ip netns add "$netns"
ip netns exec "$netns" sh -c 'for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >"$file"; done' 2>/dev/null || true
ip -n "$netns" link set lo up
ip link add "$veth" type veth peer name eth0 address "$mac" netns "$netns"
# A restored connection may ask for its client before the bridge has opened the port, and would ask again a second later.
ip netns exec "$netns" sh -c 'echo 20 >/proc/sys/net/ipv4/neigh/eth0/retrans_time_ms'
ip link set "$veth" master svc0 up
ip -n "$netns" link set eth0 up
tries=0
until [ "$(cat "/sys/class/net/$veth/brport/state")" = 3 ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || {
    echo "the bridge svc0 does not take $veth: is the spanning tree protocol on?" >&2
    exit 1
  }
  sleep 0.01
done
bridge link set dev "$veth" state 0
ip -n "$netns" addr add "$address/${own#*/}" dev eth0
ip -n "$netns" route add default via "${own%/*}"
