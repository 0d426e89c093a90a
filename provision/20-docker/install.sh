#!/bin/sh
# Docker with experimental features on: without them the engine refuses checkpoints.
#   TESTBED_DOCKER_SOURCE=distribution (default) | docker    docker: Docker's own package repository
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

from_docker() {
  apt_install ca-certificates curl
  repository=https://download.docker.com/linux/$ID
  install -d -m 0755 /etc/apt/keyrings
  curl -fsSL --retry 3 --max-time 60 "$repository/gpg" -o /etc/apt/keyrings/docker.asc ||
    fail "Docker's package repository cannot be reached" "unset TESTBED_DOCKER_SOURCE to take the distribution's packages"
  echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] $repository $VERSION_CODENAME stable" \
    >/etc/apt/sources.list.d/docker.list
  apt-get -q update
  apt_install docker-ce docker-ce-cli containerd.io
}

experimental() {
  file=/etc/docker/daemon.json
  mkdir -p /etc/docker
  if [ ! -s "$file" ] || [ "$(tr -d '[:space:]' <"$file")" = '{}' ]; then
    printf '{ "experimental": true }\n' >"$file"
  elif ! grep -q '"experimental"[[:space:]]*:[[:space:]]*true' "$file"; then
    cp "$file" "$file.before-testbed"
    sed -i -e '/"experimental"[[:space:]]*:[[:space:]]*false,\{0,1\}/d' -e '0,/{/s//{ "experimental": true,/' "$file"
  else
    return 1
  fi
}

if ! command -v dockerd >/dev/null; then
  apt_lists
  if [ "${TESTBED_DOCKER_SOURCE:-distribution}" = docker ] || ! available docker.io; then
    from_docker
  else
    apt_install docker.io
    installed docker-cli || ! available docker-cli || apt_install docker-cli # its own package since Debian 13
  fi
fi
changed=no
experimental && changed=yes
service_enable docker /usr/sbin/dockerd
[ "$changed" = no ] || ! docker version >/dev/null 2>&1 || service_restart docker
