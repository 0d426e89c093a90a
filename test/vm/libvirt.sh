#!/bin/sh
# libvirt for tests, on a machine without systemd: a daemon of its own, started by hand, under TCG or KVM.
#   libvirt.sh install          gets what is missing of Vagrant, its plug-in and libvirt with apt; not QEMU
#   libvirt.sh start FOLDER     starts it; its configuration, logs, storage pool and process ids are in FOLDER
#   libvirt.sh stop FOLDER      stops it and removes what it and its guests have left; packages stay
#   libvirt.sh left             lists domains, networks and volumes that are there, one a line
# Needs root. A libvirt that answers already is used as it is; `stop` then takes only the box's image from it.
set -eu

packages='vagrant vagrant-libvirt libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients dnsmasq-base iptables qemu-utils'
ours='written by test/vm/libvirt.sh'
virsh() { command virsh --quiet --connect qemu:///system "$@"; }
answers() { virsh version >/dev/null 2>&1; }

install() {
  if ! command -v qemu-system-x86_64 >/dev/null; then
    echo 'there is no QEMU: testbed up --provider qemu --install brings the right one' >&2
    exit 3
  fi
  missing=
  for package in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update
  # shellcheck disable=SC2086
  apt-get -q install -y --no-install-recommends $missing
}

start() {
  folder=$1
  if answers; then
    echo 'libvirt answers already'
    return
  fi
  mkdir -p "$folder/pool" "$folder/logs"
  folder=$(cd "$folder" && pwd)

  # The driver looks the user up even where guests run as root; without systemd the package that makes it is not installed.
  getent group libvirt-qemu >/dev/null || groupadd --system libvirt-qemu
  getent passwd libvirt-qemu >/dev/null ||
    useradd --system --gid libvirt-qemu --no-create-home --shell /usr/sbin/nologin libvirt-qemu

  # The driver takes no other place for it: what stood there comes back at the end.
  mkdir -p /etc/libvirt
  if [ -e /etc/libvirt/qemu.conf ] && ! grep -q "$ours" /etc/libvirt/qemu.conf; then
    cp -p /etc/libvirt/qemu.conf "$folder/qemu.conf.before"
  fi
  cat >/etc/libvirt/qemu.conf <<CONF
# $ours
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
CONF
  cat >"$folder/libvirtd.conf" <<CONF
auth_unix_rw = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
log_outputs = "3:file:$folder/logs/libvirtd.log"
CONF
  for daemon in virtlogd libvirtd; do
    config=$folder/$daemon.conf
    [ -e "$config" ] || config=/dev/null
    # Whatever the caller has open, such as a lock, is not for a daemon to keep.
    setsid "$daemon" --config "$config" --pid-file "$folder/$daemon.pid" \
      >>"$folder/logs/$daemon.out" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  done
  tries=300
  until answers; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
      tail -n 20 "$folder"/logs/* >&2
      exit 1
    fi
    sleep 0.1
  done
  if ! virsh pool-info default 2>/dev/null | grep -q '^State: *running' && ! virsh pool-start default >/dev/null 2>&1; then
    # None, or one whose folder is gone with whoever made it.
    virsh pool-undefine default >/dev/null 2>&1 || true
    virsh pool-define-as default dir --target "$folder/pool" >/dev/null
    virsh pool-start default >/dev/null
    : >"$folder/pool.mine"
  fi
  echo "libvirt $(virsh version --daemon | sed -n 's/^Running against daemon: //p') answers"
}

# Names of pools, each with its volumes: `pool volume`.
volumes() {
  for pool in $(virsh pool-list --name); do
    virsh vol-list "$pool" | awk -v pool="$pool" 'NF { print pool, $1 }'
  done
}

left() {
  answers || return 0
  virsh list --all --name | sed -n 's/^./domain &/p'
  virsh net-list --all --name | sed -n 's/^./network &/p'
  volumes | sed 's/^/volume /'
}

# libvirt's chains stay when it goes, empty.
remove_chains() {
  for tool in iptables ip6tables; do
    command -v "$tool" >/dev/null || continue
    for table in filter nat mangle; do
      rules=$("$tool" -t "$table" -S 2>/dev/null || true)
      # shellcheck disable=SC2086
      echo "$rules" | sed -n '/-j LIBVIRT_/s/^-A //p' | while read -r rule; do "$tool" -t "$table" -D $rule; done
      for command in -F -X; do
        for chain in $(echo "$rules" | sed -n 's/^-N \(LIBVIRT_.*\)/\1/p'); do "$tool" -t "$table" "$command" "$chain"; done
      done
    done
  done
}

stop() {
  folder=$1
  if [ ! -e "$folder/libvirtd.pid" ]; then
    volumes | while read -r pool volume; do
      case $volume in migration-testbed-VAGRANTSLASH-*) virsh vol-delete "$volume" --pool "$pool" >/dev/null ;; esac
    done
    return
  fi
  if answers; then
    for domain in $(virsh list --all --name); do
      virsh destroy "$domain" >/dev/null 2>&1 || true
      virsh undefine --managed-save --snapshots-metadata --nvram "$domain" >/dev/null
    done
    for network in $(virsh net-list --all --name); do
      virsh net-destroy "$network" >/dev/null 2>&1 || true
      virsh net-undefine "$network" >/dev/null
    done
    if [ -e "$folder/pool.mine" ]; then
      virsh pool-destroy default >/dev/null
      virsh pool-undefine default >/dev/null
    fi
  fi
  for daemon in libvirtd virtlogd; do
    pid=$(cat "$folder/$daemon.pid" 2>/dev/null || true)
    [ -n "$pid" ] || continue
    kill "$pid" 2>/dev/null || true
    tries=100
    while kill -0 "$pid" 2>/dev/null; do
      tries=$((tries - 1))
      [ "$tries" -gt 0 ] || kill -9 "$pid"
      sleep 0.1
    done
  done
  remove_chains
  if [ -e "$folder/qemu.conf.before" ]; then
    mv "$folder/qemu.conf.before" /etc/libvirt/qemu.conf
  else
    rm -f /etc/libvirt/qemu.conf
  fi
  rm -rf "$folder"
}

case ${1:-} in
  install) install ;;
  start) start "${2:?libvirt.sh start FOLDER}" ;;
  stop) stop "${2:?libvirt.sh stop FOLDER}" ;;
  left) left ;;
  *)
    sed -n '2,8s/^# //p' "$0" >&2
    exit 2
    ;;
esac
