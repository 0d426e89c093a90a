# shellcheck shell=sh disable=SC2034 # it is there for others
# Sourced by the scripts beside it: where everything of a moved bundle is. There is one trial at a time on a host, so the
# names are always the same, and what a killed program left is found by them.
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
id=migration-testbed
store=/var/lib/migration-testbed # on a real file system: overlayfs cannot stand on overlayfs
bundle=$store/bundle
state=/run/migration-testbed
images=$state/images # a tmpfs of its own
work=/var/log/criu
netns=mtb-runc
veth=vethmtbrunc # as Docker's: a port of svc0 that leads to a container
runc="runc --root $state/runc"

# Processes of source.sh and destination.sh: all that they start inherits this, but for a container's own processes.
mark=MIGRATION_TESTBED_RUNC
marked() { grep -lzsx "$mark=yes" /proc/[0-9]*/environ | cut -d/ -f3; }

# The cgroups of the bundle: one in each hierarchy.
groups() { find /sys/fs/cgroup -depth -type d -name "$id" 2>/dev/null; }

thaw() {
  for group in $(groups); do
    [ ! -e "$group/freezer.state" ] || echo THAWED >"$group/freezer.state"
    [ ! -e "$group/cgroup.freeze" ] || echo 0 >"$group/cgroup.freeze"
  done
}

# CRIU's lock of a network namespace stays behind when CRIU is killed: the workload in it would be mute. Says what it removed.
unlock_network() {
  for tables in iptables ip6tables; do
    ip netns exec "$netns" "$tables" -w -n -L CRIU >/dev/null 2>&1 || continue
    for chain in INPUT OUTPUT; do ip netns exec "$netns" "$tables" -w -D "$chain" -j CRIU 2>/dev/null || true; done
    ip netns exec "$netns" "$tables" -w -F CRIU && ip netns exec "$netns" "$tables" -w -X CRIU && echo "$tables chain CRIU"
  done
  ip netns exec "$netns" nft list tables 2>/dev/null | awk '$3 ~ /^CRIU/ { print $2, $3 }' | while read -r family table; do
    ip netns exec "$netns" nft delete table "$family" "$table" && echo "nft table $table"
  done
}
