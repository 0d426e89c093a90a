#!/bin/sh
# Moves the host's wall clock.
#   step.sh NANOSECONDS        forwards, or with a minus sign backwards
set -eu
at=$(($(date +%s%N) + $1))
date --set "@$((at / 1000000000)).$(printf %09d $((at % 1000000000)))" >/dev/null
