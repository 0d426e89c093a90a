#!/bin/sh
# The receiving end of a byte stream between two hosts: listens on the management network for one connection from PEER and
# feeds COMMAND with it. socat says `listening on` when it is ready, dd how many bytes came, both on stderr.
#   receive.sh PORT ADDRESS PEER COMMAND…
set -eu
port=$1 address=$2 peer=$3
shift 3
alive=keepalive,keepidle=5,keepintvl=3,keepcnt=3,setsockopt-int=6:18:15000 # as in send.sh
socat -d -d -u -b 1048576 "TCP4-LISTEN:$port,bind=$address,range=$peer/32,reuseaddr,$alive" STDOUT | LC_ALL=C dd bs=1M | "$@"
