#!/bin/sh
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
command -v podman >/dev/null || fail 'podman is not installed' 'run provision/40-podman/install.sh on the host'
command -v runc >/dev/null || fail 'runc is not installed' 'run provision/40-podman/install.sh on the host'
driver=$(podman --runtime runc info --format '{{.Store.GraphDriverName}}' 2>/dev/null) ||
  fail 'podman does not work' 'podman --runtime runc info on the host tells why'
[ "$driver" = overlay ] ||
  fail "podman keeps its images with $driver" 'it needs the overlay driver: podman system reset after a look at /etc/containers/storage.conf'
