#!/bin/sh
# Dumps processes that fork all the time, each with enough memory that a fork takes a while, and tells how often CRIU refused.
#   forking.sh FREEZE DUMPS      FREEZE: the script that freezes them first
set -eu
freeze=$1 dumps=$2 group=migration-testbed
v1=/sys/fs/cgroup/freezer/$group/freezer.state
cd "$(mktemp -d -p /var/tmp)" # not in memory, which would be too small
mkdir -p /run/migration-testbed rootfs/bin rootfs/proc rootfs/dev rootfs/sys rootfs/lib64 rootfs/lib/x86_64-linux-gnu work
perl=$(command -v perl)
cp "$perl" rootfs/bin/perl
for library in $(ldd "$perl" | grep -o '/[^ ]*'); do cp -L "$library" "rootfs$library"; done
cat >forking.pl <<'END'
open STDIN, "</dev/null"; open STDOUT, ">/dev/null"; open STDERR, ">/dev/null";
my $held = "a" x (60 << 20);
for (1 .. 2) { last unless fork }
while (1) { exit 0 unless fork; wait }
END
cp forking.pl rootfs/forking.pl
printf '#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != pre-dump ] || exec sh %s\n' "$freeze" >on-action
chmod +x on-action
printf 'manage-cgroups ignore\nwork-dir %s/work\naction-script %s/on-action\n' "$PWD" "$PWD" >criu.conf
runc spec
perl -0pi -e 's/"terminal": true/"terminal": false/; s/"args": \[\s*"sh"\s*\]/"args": ["perl", "\/forking.pl"]/;
  s/"linux": \{/"annotations": { "org.criu.config": "$ENV{PWD}\/criu.conf" }, "linux": { "cgroupsPath": "\/'$group'",/' config.json
runc run -d forking </dev/null >run.log 2>&1 || { cat run.log >&2; exit 1; }
trap 'runc delete -f forking >/dev/null; rm -rf "$PWD"' EXIT
sleep 1
refused=0
for _ in $(seq "$dumps"); do
  rm -rf images
  runc checkpoint --leave-running --image-path images --work-path work forking >checkpoint.log 2>&1 || {
    refused=$((refused + 1))
    grep -h Error work/dump.log >&2 || cat checkpoint.log >&2
  }
  # CRIU leaves it frozen, as it found it.
  if [ -e "$v1" ]; then echo THAWED >"$v1"; else echo 0 >"/sys/fs/cgroup/$group/cgroup.freeze"; fi
done
echo "$refused of $dumps refused"
