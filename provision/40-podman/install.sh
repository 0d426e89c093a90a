#!/bin/sh
# podman, with runc to run its containers: the crun that it comes with is often built without CRIU.
# Nothing of its configuration is changed, and none of it is Docker's: it has storage of its own, and the toolchains tell it
# with every command which runtime to take.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
apt_install podman
command -v runc >/dev/null || apt_install runc # containerd.io of Docker's own repository has one, and no other beside it
