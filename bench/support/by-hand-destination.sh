#!/bin/sh
# The other end of by-hand-source.sh. The last line of its output is when the workload ran again (nanoseconds).
#   by-hand-destination.sh ADDRESS
set -eu
state=/run/migration-testbed
images=$state/images
socat -d -d -u -b 1048576 "TCP4-LISTEN:0,bind=$1" STDOUT | {
  tar -x -b 64 -B --xattrs --xattrs-include='*' --numeric-owner -C /var/lib/migration-testbed/bundle/upper
  tar -x -b 2048 -B -C "$images"
}
criu restore --restore-detached --images-dir "$images/final" --work-dir "$images/final" --log-file restore.log \
  --tcp-established --skip-in-flight --file-locks --manage-cgroups=ignore --root /var/lib/migration-testbed/bundle/rootfs \
  --inherit-fd 'fd[9]:net' --external "mnt[shm]:$state/shm" --external 'mnt[]:m' 9</run/netns/mtb-runc >&2 || {
  grep Error "$images/final/restore.log" >&2
  exit 1
}
echo "restored $(date +%s%N)"
bridge link set dev vethmtbrunc state 3
