#!/bin/sh
# Takes off an existing machine all that testbed ID has made there, and leaves installed packages and everything else alone.
#   clean.sh ID
# Sent over standard input. Idempotent; does nothing on a machine that is not the testbed's.
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
id=$1
record=/var/lib/migration-testbed/testbed
provision=/usr/local/lib/migration-testbed/provision
[ "$(head -n 1 "$record" 2>/dev/null | cut -d' ' -f1)" = "$id" ] || exit 0

! command -v pkill >/dev/null || pkill -KILL -f "^sh $provision/" || true
if command -v docker >/dev/null && docker version >/dev/null 2>&1; then
  docker ps --all --quiet --filter label=migration-testbed.trial | xargs -r docker rm --force --volumes >/dev/null
  docker images --format '{{.Repository}}:{{.Tag}}' | grep '^migration-testbed/' | xargs -r docker rmi --force >/dev/null
  docker network ls --quiet --filter label=migration-testbed=network | xargs -r docker network rm >/dev/null
fi
if command -v podman >/dev/null; then
  podman ps --all --quiet --filter label=migration-testbed.trial | xargs -r podman rm --force --volumes >/dev/null
  podman images --format '{{.Repository}}:{{.Tag}}' | grep 'migration-testbed/' | xargs -r podman rmi --force >/dev/null
fi
if [ -e "$provision/runc/remove.sh" ]; then sh "$provision/runc/remove.sh" || true; fi

# Shaped links carry a root discipline with this handle: provision/network/link.sh
if command -v tc >/dev/null; then
  tc qdisc show | awk '$3 == "7e57:" { for (i = 4; i < NF; i++) if ($i == "dev") print $(i + 1) }' | sort -u |
    while read -r device; do tc qdisc del dev "$device" root || true; done
fi
sed -n 's/^uplink //p' "$record" | while read -r uplink was; do
  [ -e "/sys/class/net/$uplink" ] || continue
  [ "$(basename "$(readlink "/sys/class/net/$uplink/master")")" != svc0 ] || ip link set "$uplink" nomaster
  [ "$was" = up ] || ip link set "$uplink" down
  ! command -v nmcli >/dev/null || nmcli device set "$uplink" managed yes 2>/dev/null || true
done
[ ! -e /sys/class/net/svc0 ] || ip link del svc0
# Volumes: what is mounted, then the pool that it is in. Their place may be a file system of its own, as may be the folder below.
volumes=/var/lib/migration-testbed/volumes
for place in /run/migration-testbed-volumes/* "$volumes/pool"; do
  ! grep -qs " $place " /proc/self/mounts || umount -l "$place"
done
if command -v exportfs >/dev/null && [ -r /var/lib/nfs/etab ]; then
  sed -n "s|^\\($volumes/[^[:space:]]*\\)[[:space:]]*\\([^(]*\\)(.*|\\2:\\1|p" /var/lib/nfs/etab | xargs -r -n 1 exportfs -u
fi
if command -v zpool >/dev/null && zpool list -H migration-testbed >/dev/null 2>&1; then zpool destroy -f migration-testbed; fi
rm -rf /run/migration-testbed-volumes
[ ! -d "$volumes" ] || find "$volumes" -xdev -mindepth 1 -delete
rmdir "$volumes" 2>/dev/null || true
rm -rf "$provision" /var/log/criu/verify /run/migration-testbed-provisioned
rmdir /usr/local/lib/migration-testbed 2>/dev/null || true
# The record goes last. The folder may be a file system of its own, which stays.
find /var/lib/migration-testbed -xdev -mindepth 1 ! -path "$record" ! -path "$volumes" -delete
rm -f "$record"
rmdir /var/lib/migration-testbed 2>/dev/null || true
