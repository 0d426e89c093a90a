#!/bin/sh
# Docker with experimental features on: without them the engine refuses checkpoints. And with a runtime by which a container can
# be started up to its process (provision/docker).
#   TESTBED_DOCKER_SOURCE=distribution (default) | docker    docker: Docker's own package repository
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
runtime=migration-testbed-gated
runtime_path=/usr/local/lib/migration-testbed/provision/docker/runc-gated.sh

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

# The settings that we need, among those that are there. Answers whether there was something to change.
settings() {
  file=/etc/docker/daemon.json
  mkdir -p /etc/docker
  [ -s "$file" ] || echo '{}' >"$file"
  cp "$file" "$file.new"
  sed -i 's/\("experimental"[[:space:]]*:[[:space:]]*\)false/\1true/' "$file.new"
  grep -q '"experimental"' "$file.new" || sed -i '0,/{/s//{ "experimental": true,/' "$file.new"
  if ! grep -q "\"$runtime\"" "$file"; then
    grep -q '"runtimes"' "$file.new" || sed -i '0,/{/s//{ "runtimes": {},/' "$file.new"
    sed -z -i "s|\(\"runtimes\"[[:space:]]*:[[:space:]]*{\)|\1 \"$runtime\": { \"path\": \"$runtime_path\" },|" "$file.new"
  fi
  sed -z -i 's/,\([[:space:]]*}\)/\1/g' "$file.new" # behind what is now the last one
  if cmp -s "$file" "$file.new"; then
    rm "$file.new"
    return 1
  fi
  [ "$(cat "$file")" = '{}' ] || cp "$file" "$file.before-testbed"
  mv "$file.new" "$file"
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
settings && changed=yes
service_enable docker /usr/sbin/dockerd
[ "$changed" = no ] || ! docker version >/dev/null 2>&1 || service_restart docker
