# Sourced by the scripts of every component. POSIX shell; works with and without systemd, on Debian 13 and Ubuntu 24.04.
# shellcheck shell=sh
#
# What may be set from outside:
#   TESTBED_START_SERVICES=no   services are enabled, not started: the host is being made into an image
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# shellcheck disable=SC1091
. /etc/os-release
services=/etc/migration-testbed/services

# fail MESSAGE HINT: what went wrong and what to do about it; the tool shows both.
fail() {
  printf '%s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

has_systemd() { [ -d /run/systemd/system ]; }

# In the image of a host that will boot with systemd, too.
will_have_systemd() { [ "$(readlink -f /sbin/init)" = /usr/lib/systemd/systemd ]; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

available() { apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }

# Fetches the package lists where there are none yet.
apt_lists() {
  find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' | grep -q . || apt-get -q update
}

# apt_install PACKAGE…: installs what is missing.
apt_install() {
  missing=
  for package; do installed "$package" || missing="$missing $package"; done
  [ -n "$missing" ] || return 0
  apt_lists
  # shellcheck disable=SC2086
  apt-get -q install -y --no-install-recommends $missing
}

# The Debian archive that apt takes packages from; empty where it knows none.
debian_archive() {
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '/Debian Debian$/ { print $1; exit }'
}

# debian_suite NAME SUITE COMPONENT: makes packages of another part of that archive available, as testbed-NAME.list.
debian_suite() {
  archive=$(debian_archive)
  [ -n "$archive" ] || return 1
  echo "deb $archive $2 $3" >"/etc/apt/sources.list.d/testbed-$1.list"
  apt-get -q update
}

# debian_sid: the same of sid, from which nothing comes by itself.
debian_sid() {
  printf 'Package: *\nPin: release n=sid\nPin-Priority: 50\n' >/etc/apt/preferences.d/testbed-sid
  debian_suite sid sid main
}

# service_enable NAME COMMAND [ARGUMENT…]: starts NAME now and at every boot. With systemd it is the packaged unit;
# without, the command runs in the foreground under the host's init and logs to /var/log/NAME.log.
service_enable() {
  name=$1
  shift
  if has_systemd; then
    systemctl enable --now "$name"
    return
  fi
  if will_have_systemd; then
    systemctl enable "$name"
    return
  fi
  mkdir -p "$services"
  printf '#!/bin/sh\nexec %s\n' "$*" >"$services/$name"
  chmod 0755 "$services/$name"
  [ "${TESTBED_START_SERVICES:-yes}" = no ] || [ "$(service_pid "$name")" ] || service_start "$name"
}

# service_pid NAME: the oldest process of the program that the service runs, which may have another name (docker: dockerd).
service_pid() {
  program=$(sed -n 's/^exec \([^ ]*\).*/\1/p' "$services/$1" 2>/dev/null)
  [ -z "$program" ] || pgrep -o -x "$(basename "$program")" || true
}

service_start() { setsid "$services/$1" >>"/var/log/$1.log" 2>&1 </dev/null & }

service_restart() {
  [ "${TESTBED_START_SERVICES:-yes}" = no ] && return
  if has_systemd; then
    systemctl restart "$1"
    return
  fi
  pid=$(service_pid "$1")
  if [ -n "$pid" ]; then
    kill "$pid"
    wait_until 10 "$1 to stop" not_running "$pid"
  fi
  service_start "$1"
}

not_running() { ! kill -0 "$1" 2>/dev/null; }

# How many times longer than a machine this host may take: one that QEMU emulates, which systemd calls `qemu`, is many times slower.
patience() { if [ "$(systemd-detect-virt 2>/dev/null)" = qemu ]; then echo 5; else echo 1; fi; }

# wait_until SECONDS WHAT COMMAND…: tries ten times a second. An emulated host gets more of them.
wait_until() {
  seconds=$1 what=$2 left=
  shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((${left:-$((seconds * 10 * $(patience)))} - 1))
    [ "$left" -gt 0 ] || fail "no sign of $what" "look at the logs under /var/log on the host"
    sleep 0.1
  done
}
