#!/bin/sh
# Volumes that one host keeps and serves to whichever uses them, over NFS 4. Both sides are in the kernel. The server is started by the
# host that keeps the first of them (volumes/nfs.sh), and nothing of it before: a host that keeps none serves nothing.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
had=$(installed nfs-kernel-server && echo yes || echo no)
apt_install nfs-common nfs-kernel-server
mkdir -p /etc/nfs.conf.d
# Version 4 alone needs no port mapper. The times are those for which a client that is gone keeps others out.
cat >/etc/nfs.conf.d/migration-testbed.conf <<'END'
[nfsd]
vers3=n
vers4=y
grace-time=10
lease-time=10
END
# Only what came with the packages: a server that was there before goes on.
if [ "$had" = no ] && { has_systemd || will_have_systemd; }; then
  for unit in nfs-server.service rpcbind.service rpcbind.socket nfs-blkmap.service; do
    systemctl disable "$unit" 2>/dev/null || true
    ! has_systemd || systemctl stop "$unit" 2>/dev/null || true
  done
fi
