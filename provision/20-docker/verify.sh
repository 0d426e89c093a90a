#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
command -v dockerd >/dev/null || fail 'Docker is not installed' 'run provision/20-docker/install.sh on the host'
wait_until 30 'the Docker engine' docker version
[ "$(docker version --format '{{.Server.Experimental}}')" = true ] ||
  fail 'Docker runs without experimental features' 'set "experimental": true in /etc/docker/daemon.json and restart it'
docker info --format '{{ json .Runtimes }}' | grep -q '"migration-testbed-gated"' ||
  fail 'Docker does not know the runtime migration-testbed-gated' 'run provision/20-docker/install.sh on the host: it adds it to /etc/docker/daemon.json'
