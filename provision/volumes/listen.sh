#!/bin/sh
# Lets one host in, each of whose connections becomes the standard input and output of volume.sh take. socat says `listening on` when
# it is ready.
#   listen.sh PORT ADDRESS PEER ID
set -eu
port=$1 address=$2 peer=$3 id=$4
alive=keepalive,keepidle=5,keepintvl=3,keepcnt=3,setsockopt-int=6:18:15000 # as in transfer/send.sh
exec socat -d -d "TCP4-LISTEN:$port,bind=$address,range=$peer/32,reuseaddr,fork,$alive" "EXEC:sh $(dirname "$0")/volume.sh take $id,nofork"
