#!/bin/sh
# Conditions of this host's links, for as long as a trial takes: what leaves it is sent at RATE, DELAY later, and LOSS of it
# not at all.
#   link.sh set mgmt|service ADDRESS RATE_BITS_PER_SECOND DELAY_MS LOSS_PERCENT     `-` for what is not limited
#   link.sh show mgmt|service ADDRESS       tc's own JSON, one line a device
#   link.sh clear                           everywhere on this host
# ADDRESS is this host's on the management network. What is set bears the handles 7e57: and 7e58:, and is found by them.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# devices NETWORK ADDRESS: what leads there. svc0 itself is no way out; its ports are, but for those of containers.
devices() {
  if [ "$1" = mgmt ]; then
    ip -o -4 addr show to "$2/32" | awk '{ print $2 }'
  else
    for port in /sys/class/net/svc0/brif/*; do
      case ${port##*/} in veth* | '*') ;; *) echo "${port##*/}" ;; esac
    done
  fi
}

clear_device() {
  case $(tc qdisc show dev "$1" root | awk 'NR == 1 { print $3 }') in 7e57:) tc qdisc del dev "$1" root ;; esac
}

# set_rate RATE PLACE…: bursts of 2 ms, but two packets at least; packets wait 50 ms at most, then they are dropped.
set_rate() {
  rate=$1
  shift
  burst=$((rate / 8 / 500))
  [ "$burst" -ge 3200 ] || burst=3200
  tc qdisc add "$@" tbf rate "${rate}bit" burst "$burst" latency 50ms
}

set_device() {
  device=$1 rate=$2 delay=$3 loss=$4
  clear_device "$device"
  case $(tc qdisc show dev "$device" root | awk 'NR == 1 { print $3 }') in '' | 0:) ;; *)
    fail "$device has a queueing discipline of its own" "remove it: tc qdisc del dev $device root"
    ;;
  esac
  if [ "$delay" = - ] && [ "$loss" = - ]; then
    set_rate "$rate" dev "$device" root handle 7e57:
    return
  fi
  # What is under way has room: twice what the link holds, at 10 Gbit/s where no rate is given.
  bits=$rate
  [ "$bits" != - ] || bits=10000000000
  packets=$(awk -v bits="$bits" -v ms="${delay#-}" 'BEGIN {
    n = int(bits / 8 * ms / 1000 / 1500 * 2)
    if (n < 1000) n = 1000
    if (n > 200000) n = 200000
    print n }')
  set -- netem limit "$packets"
  [ "$delay" = - ] || set -- "$@" delay "${delay}ms"
  [ "$loss" = - ] || set -- "$@" loss "$loss%"
  tc qdisc add dev "$device" root handle 7e57: "$@"
  [ "$rate" = - ] || set_rate "$rate" dev "$device" parent 7e57:1 handle 7e58:
}

case $1 in
  set)
    found=$(devices "$2" "$3")
    [ -n "$found" ] || fail "no device of this host leads to the $2 network" 'ip -br addr on the host shows what there is'
    for device in $found; do set_device "$device" "$4" "$5" "$6"; done
    ;;
  show) for device in $(devices "$2" "$3"); do tc -j qdisc show dev "$device" | tr -d '\n' && echo; done ;;
  clear) for device in /sys/class/net/*; do clear_device "${device##*/}"; done ;;
  *) fail "unknown: $1" 'set, show or clear' ;;
esac
