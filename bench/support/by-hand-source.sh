#!/bin/sh
# What somebody would write who knows the bundle and has only CRIU: dump to a tmpfs, copy over a connection that is open
# already. Waits for a line, then does it; the last line of its output is when the workload was frozen (nanoseconds).
#   by-hand-source.sh PID DESTINATION PORT
set -eu
pid=$1 images=/run/migration-testbed/images
namespace=$(stat -L -c %i "/proc/$pid/ns/net")
mkdir -p "$images/final"
mkfifo "$images/stream"
socat -u -b 1048576 STDIN "TCP4:$2:$3" <"$images/stream" &
exec 9>"$images/stream"
tar -c -b 64 --xattrs --xattrs-include='*' --numeric-owner -C /var/lib/migration-testbed/bundle/upper . >&9 # it stays as it is
echo connected
read -r _
bridge link set dev vethmtbrunc state 0
criu dump --tree "$pid" --images-dir "$images/final" --work-dir "$images/final" --log-file dump.log --tcp-established \
  --skip-in-flight --file-locks --manage-cgroups=ignore --network-lock skip --external "net[$namespace]:net" \
  --external 'mnt[/dev/shm]:shm' --external 'mnt[]:m' >&2
tar -c -b 2048 -C "$images" final >&9
exec 9>&-
wait
echo "sent $(stat -c %.9Y "$images/final/stats-dump") $(base64 -w 0 "$images/final/stats-dump")"
