#!/bin/sh
# Removes all that the scripts beside it made on this host, whatever was interrupted. Unpacked images stay.
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
for _ in 1 2 3; do
  left=$(marked)
  [ -n "$left" ] || break
  # shellcheck disable=SC2086
  kill -KILL $left 2>/dev/null || true
done
if [ -d "$state/runc/$id" ]; then
  $runc delete --force "$id" >/dev/null 2>&1 || true
fi
# What was restored or frozen when its runc was killed is known to nobody but its cgroup.
thaw
for group in $(groups); do xargs -r kill -KILL <"$group/cgroup.procs" 2>/dev/null || true; done
for _ in 1 2 3 4 5 6 7 8 9 10; do
  left=$(groups)
  [ -n "$left" ] || break
  # shellcheck disable=SC2086
  rmdir $left 2>/dev/null || sleep 0.1
done
if [ -e "/run/netns/$netns" ]; then
  ip netns pids "$netns" | xargs -r kill -KILL 2>/dev/null || true
  ip netns del "$netns"
fi
ip link del "$veth" 2>/dev/null || true
# A CRIU that was killed leaves its view of the cgroups mounted in its work folder.
awk -v bundle="$bundle/" -v state="$state/" -v yard="$work/.criu." \
  'index($5, bundle) == 1 || index($5, state) == 1 || index($5, yard) == 1 { print $5 }' /proc/self/mountinfo |
  sort -r | xargs -r -n 1 umount -l
find "$work" -maxdepth 1 -name '.criu.*' -type d -exec rmdir {} + 2>/dev/null || true
for name in pipe-max-size pipe-user-pages-soft; do
  [ ! -s "$state/$name" ] || cat "$state/$name" >"/proc/sys/fs/$name"
done
rm -rf "$bundle" "$state"
