#!/bin/sh
# Prints what is on this host that an experiment could leave behind: one `kind<TAB>item` a line.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
items() { sed "s/^/$1	/"; }
own=$(ps -o sid= -p $$ | tr -d ' ')
rules() { "$@" nft -s list ruleset 2>/dev/null | sed 's/^[[:space:]]*//' | grep -v '^[{}]*$'; }

# Parts of a cluster come back as others on a host that was put back.
parts=$(sh "$(dirname "$0")/kubernetes/own-pods.sh")
if [ -n "$parts" ]; then foreign() { grep -vF "$parts"; }; else foreign() { cat; }; fi

if command -v docker >/dev/null; then
  docker ps --all --no-trunc --format '{{.Names}} {{.ID}}' | items container
  docker images --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | items image
  docker network ls --format '{{.Name}}' | items network # IDs are other ones on a host that was reset
fi
if command -v podman >/dev/null; then
  podman ps --all --no-trunc --format '{{.Names}} {{.ID}}' 2>/dev/null | items 'podman container'
  podman images --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' 2>/dev/null | items 'podman image'
fi
# What runc knows of a container, whichever engine called it.
find /run -maxdepth 5 -name state.json 2>/dev/null | foreign | items 'runc state'
for folder in /run/migration-testbed /run/migration-testbed-gates /var/lib/migration-testbed /var/tmp/migration-testbed; do
  # Images of workloads stay, and so does the place of volumes.
  find "$folder" -mindepth 1 -maxdepth 1 ! -name images ! -name volumes 2>/dev/null | items file
done
find /var/lib/migration-testbed/volumes -mindepth 2 -maxdepth 2 -name record 2>/dev/null | items volume
ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' | items link
tc qdisc show 2>/dev/null | awk '$3 ~ /^7e5[78]:$/ { print $2, $3, $4, $5 }' | items qdisc # of network/link.sh
# /run/netns is one from the first `ip netns add` on, for ever.
awk '$5 != "/run/netns" { print $5 }' /proc/self/mountinfo | foreign | items mount
find /run/netns -type f 2>/dev/null | items netns # Docker's own show as mounts while they are in use
rules | items rule
for netns in /run/netns/*; do
  [ ! -f "$netns" ] || rules nsenter "--net=$netns" | items "rule in ${netns##*/}"
done
# On a machine of its own: the kernel's threads (they have no memory and are no zombies) and udev's workers come and go by themselves.
ps -eo sid=,vsz=,stat=,comm= | awk -v own="$own" '
  $1 != own && !($2 == 0 && $3 !~ /^Z/) && $4 !~ /^(sshd|\(udev-worker|systemd-userwor)/ { print $4 }' | items process
