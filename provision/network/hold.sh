#!/bin/sh
# While a container is being restored here, its interface is up before its sockets are: a client whose neighbour entry has aged
# asks who has the address, the half-restored container says so, and what the client sends next is reset. Held, the address stays
# behind the network for this host's own bridge, whatever the container sends, so that nothing reaches it.
#   hold.sh MAC             until announce.sh says that the address is here
#   hold.sh MAC release     or until this; does nothing where none is held
set -eu
for port in /sys/class/net/svc0/brif/*; do
  port=${port##*/}
  case $port in veth* | '*') continue ;; esac # of a container; none at all
  case ${2-hold} in
    hold) bridge fdb replace "$1" dev "$port" master static sticky ;;
    release) bridge fdb del "$1" dev "$port" master 2>/dev/null || : ;; # learned or held or neither
  esac
done
