#!/bin/sh
# While a container is being restored here, its interface is up before its sockets are: a client whose neighbour entry has aged
# asks who has the address, the half-restored container says so, and what the client sends next is reset. Held, nothing but
# ARP reaches the address through this host's bridges: what clients send is lost, and sent again.
#   hold.sh hold MAC            lasts until it is released
#   hold.sh hide MAC            the other way round: nothing that has this MAC leaves this host, nobody learns that it is here too
#   hold.sh release-when-told   waits for a line on standard input; then it is released at once
#   hold.sh release             idempotent
set -eu
table='bridge migration-testbed-hold'
drop() {
  nft -f - <<NFT
table $table
flush table $table
table $table {
  chain forward {
    type filter hook forward priority filter
    $1 drop
  }
}
NFT
}
# shellcheck disable=SC2086 # family and name
case $1 in
  hold) drop "ether daddr $2 ether type ip" ;;
  hide) drop "ether saddr $2" ;;
  release-when-told) { read -r _ && echo "delete table $table"; } | nft -f - ;;
  release) ! nft list table $table >/dev/null 2>&1 || nft delete table $table ;;
esac
