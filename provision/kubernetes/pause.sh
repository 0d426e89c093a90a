#!/bin/busybox sh
# shellcheck shell=dash
# The same as provision/kubernetes/module/pause, for clusters that are not built out of Go modules.
#   pause                     holds the namespaces of a pod as its first process, and reaps what is left to it
#   pause serve PORT [FILE]   the same, and answers every connection with the pod's name and the content of the file
#   pause ask ADDRESS:PORT    prints such an answer
trap 'exit 0' TERM INT
case ${1:-} in
  serve)
    echo "listening on port $2"
    /bin/busybox nc -ll -p "$2" -e /pause answer "${3:-/dev/null}" &
    ;;
  answer)
    echo "$(/bin/busybox hostname) $(/bin/busybox cat "$2")"
    exit
    ;;
  ask) exec /bin/busybox nc "${2%:*}" "${2##*:}" </dev/null ;;
esac
while :; do
  /bin/busybox sleep 3600 &
  wait "$!"
done
