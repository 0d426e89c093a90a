#!/bin/sh
# Prints what this host can do, measured here: one `name<TAB>value` a line.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fact() { [ -z "$2" ] || printf '%s\t%s\n' "$1" "$2"; }

fact kernel "$(uname -r)"
fact architecture "$(uname -m)"
fact distribution "$(. /etc/os-release && echo "$PRETTY_NAME")"
fact cpus "$(nproc)"
fact memoryBytes "$(awk '/^MemTotal:/ { printf "%d", $2 * 1024 }' /proc/meminfo)"
fact virtualization "$(systemd-detect-virt --vm 2>/dev/null)" # says none, and fails, on bare metal
fact clockSource "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null)"
if ! grep -q '^[1-9]' /proc/self/cgroup; then
  fact cgroup v2
elif find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs -path '*unified*' 2>/dev/null | grep -q .; then
  fact cgroup hybrid
else
  fact cgroup v1
fi
if [ -d /run/systemd/system ]; then fact init systemd; else fact init other; fi

version() { fact "version.$1" "$(command -v "$1" >/dev/null && "$@" 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+[^ ,]*' | head -n 1)"; }
version dockerd --version
version containerd --version
version runc --version
version criu --version
version podman --version
version rsync --version
version lz4 --version
version zstd --version
version socat -V
version iptables --version
kubernetes=/usr/local/lib/migration-testbed/kubernetes
[ ! -s "$kubernetes/version" ] || fact version.kubernetes "$(cat "$kubernetes/version") ($(cat "$kubernetes/source"))"

if docker version >/dev/null 2>&1; then
  docker info --format 'docker.experimental	{{.ExperimentalBuild}}
docker.storageDriver	{{.Driver}}
docker.cgroupDriver	{{.CgroupDriver}}'
fi

if command -v criu >/dev/null; then
  # The list of names is CRIU's own: they stand behind "one of:" in its help.
  for feature in $(criu --help 2>/dev/null | awk '
    /--feature FEAT .*one of:/ { inside = 1; next }
    inside && !/^ +[a-z0-9_, -]+$/ { exit }
    inside { gsub(",", " "); print }'); do
    if criu check --feature "$feature" >/dev/null 2>&1; then fact "criu.$feature" yes; else fact "criu.$feature" no; fi
  done
fi

# Component `volumes`: by what copies of a dataset can be kept.
if command -v mkfs.btrfs >/dev/null; then
  if grep -qw btrfs /proc/filesystems || modprobe -q btrfs 2>/dev/null; then fact volumes.btrfs yes; fi
  fact volumes.rsync yes
  # Component `zfs`.
  if command -v zpool >/dev/null && modprobe -q zfs 2>/dev/null; then fact volumes.zfs yes; fi
  # Component `nfs`: the kernel has to be client and server.
  if command -v exportfs >/dev/null && [ -d /run/systemd/system ] && modprobe -q nfsd && modprobe -q nfs; then fact volumes.nfs yes; fi
fi

# CRIU reads the limits of every process that it dumps; of another user's only root with CAP_SYS_RESOURCE may (prlimit(2)).
setpriv --reuid=65534 --clear-groups sleep 10 &
until [ "$(stat -c %u "/proc/$!" 2>/dev/null)" = 65534 ] || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
if prlimit --pid $! --nofile >/dev/null 2>&1; then fact limitsOfOthers yes; else fact limitsOfOthers no; fi
kill $! 2>/dev/null

# A discipline that the kernel lacks is refused before it looks at its options.
ip link add testbed-probe type dummy 2>/dev/null || ip link add testbed-probe type veth 2>/dev/null
for discipline in tbf htb netem; do
  case $discipline in
    tbf) set -- tbf rate 1gbit burst 100kb latency 50ms ;;
    htb) set -- htb default 1 ;;
    netem) set -- netem delay 1ms ;;
  esac
  tc qdisc replace dev testbed-probe root "$@" 2>/dev/null && fact "qdisc.$discipline" yes
done
ip link del testbed-probe 2>/dev/null
exit 0
