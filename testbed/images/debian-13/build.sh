#!/bin/sh
# Builds the root file system of a Debian 13 host: what makes it a host that answers over SSH, and nothing that a
# component in provision/ installs.
#   build.sh TARGET URI [mmdebstrap option…]        URI: the Debian mirror to take packages from
set -eu
target=$1 uri=$2
shift 2
exec mmdebstrap --mode=root --variant=minbase --quiet "$@" \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*' \
  --include=ca-certificates,init-system-helpers,openssh-server,tini \
  trixie "$target" "deb $uri trixie main" "deb $uri trixie-updates main"
