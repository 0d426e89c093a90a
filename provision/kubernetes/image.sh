#!/bin/sh
# Gives the registry of the cluster an image of a workload, and this node from there: it is as if it had been pulled.
#   image.sh has NAME             whether this node has it, or gets it out of the registry
#   image.sh take NAME <ARCHIVE   `docker load`able, on standard input
# shellcheck source=names.sh
. "$(dirname "$0")/names.sh"
export SSL_CERT_FILE="$trusted"
name=$(cat "$conf/registry")/$2
pull() {
  $images images pull "$name" >/dev/null || return
  # A container of it is restored elsewhere by this name.
  digest=$($images images ls "name==$name" | awk 'NR == 2 { print $3 }')
  $images images tag --force "$name" "${name%:*}@$digest" >/dev/null
}
case $1 in
  has) $images images ls -q | grep -qxF "$name" || pull 2>/dev/null ;;
  take)
    # Unpacked once, by the pull below.
    $images images import --no-unpack --index-name "$2" - >/dev/null
    loaded=$($images images ls -q | grep -xE "(docker.io/)?$2" | head -n 1)
    [ -n "$loaded" ] || fail "the archive holds no image $2" 'delete it from the cache'
    $images images push "$name" "$loaded" >/dev/null
    $images images rm "$loaded" >/dev/null
    pull
    ;;
  *) fail "unknown: $1" 'has or take' ;;
esac
