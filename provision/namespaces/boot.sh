#!/bin/sh
# First process of a namespace host: builds its root file system out of layers and becomes its init.
#   boot.sh HOST FOLDER LAYERS      (in fresh mount, pid, uts, ipc and cgroup namespaces; see start.sh)
# Every mount made here lives in the host's own mount namespace and goes with it.
set -eu
host=$1 folder=$2 layers=$3
root=$folder/root

mount -t overlay overlay -o "lowerdir=$layers,upperdir=$folder/upper,workdir=$folder/work" "$root"
cd "$root"

mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o nosuid,mode=0755,size=64k tmpfs dev
mkdir dev/pts dev/shm dev/mqueue dev/net
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
mknod -m 0666 dev/null c 1 3
mknod -m 0666 dev/zero c 1 5
mknod -m 0666 dev/full c 1 7
mknod -m 0666 dev/random c 1 8
mknod -m 0666 dev/urandom c 1 9
mknod -m 0666 dev/tty c 5 0
mknod -m 0666 dev/fuse c 10 229
mknod -m 0666 dev/net/tun c 10 200
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

# cgroups: the cgroup namespace shows only this host's sub-tree of each hierarchy.
if grep -q '^[1-9]' /proc/self/cgroup; then
  mount -t tmpfs -o nosuid,nodev,noexec,mode=0755 tmpfs sys/fs/cgroup
  while IFS=: read -r _ controllers _; do
    case $controllers in
      '') name=unified && mkdir sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 sys/fs/cgroup/unified ;;
      name=*) name=${controllers#name=} && mkdir "sys/fs/cgroup/$name" &&
        mount -t cgroup -o "none,$controllers" cgroup "sys/fs/cgroup/$name" ;;
      *) mkdir "sys/fs/cgroup/$controllers" &&
        mount -t cgroup -o "$controllers" cgroup "sys/fs/cgroup/$controllers" ;;
    esac
  done </proc/self/cgroup
else
  # A cgroup with processes of its own may not hand controllers on: make room by moving into a leaf.
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mkdir sys/fs/cgroup/init
  xargs -rn1 <sys/fs/cgroup/cgroup.procs >sys/fs/cgroup/init/cgroup.procs || true
  sed 's/\([^ ]\+\)/+\1/g' sys/fs/cgroup/cgroup.controllers >sys/fs/cgroup/cgroup.subtree_control
fi

mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs run
mount --make-shared run # as with systemd: what is mounted there later is seen in containers that ask for it
mkdir -p run/lock run/sshd
for data in docker containerd containers migration-testbed; do # overlayfs cannot stand on overlayfs
  mkdir -p "$folder/data/$data" "var/lib/$data"
  mount --bind "$folder/data/$data" "var/lib/$data"
done
mkdir -p var/lib/migration-testbed/volumes
mount --bind "$folder/disk" var/lib/migration-testbed/volumes

hostname "${host#_}" # names that no host can have start with _
mkdir -p .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
exec /usr/bin/tini -- /bin/sh /usr/local/lib/migration-testbed/services.sh
