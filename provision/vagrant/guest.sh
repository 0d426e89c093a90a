#!/bin/sh
# Makes a machine out of any Debian or Ubuntu box into a host of the testbed: its name, who may log in, and its networks
# mgmt0, svc0 (a bridge with the port service0) and nat0, bound to their MACs. Vagrant runs it as root, once; it can be repeated.
#   TESTBED_HOST_NAME                                                what the host is called
#   TESTBED_NEIGHBOURS                                               lines of /etc/hosts, separated by commas
#   TESTBED_MGMT_MAC, TESTBED_MGMT_ADDRESS                           address with prefix length
#   TESTBED_SERVICE_NIC_MAC, TESTBED_SERVICE_MAC, TESTBED_SERVICE_INTERFACE   MACs of service0 and svc0; svc0's address with prefix length
#   TESTBED_NAT_MAC
#   TESTBED_MACHINE_ID, TESTBED_PUBLIC_KEY, TESTBED_HOST_KEY         optional; the host's private key in base64
set -eu
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

fail() {
  printf '%s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

# wait_until SECONDS WHAT COMMAND…
wait_until() {
  left=$(($1 * 10)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail "no sign of $what" 'vagrant ssh, then: networkctl status --all'
    sleep 0.1
  done
}

# interface_of MAC: the network card that has it; bridges and other virtual interfaces do not count.
interface_of() {
  for path in /sys/class/net/*; do
    if [ -e "$path/device" ] && [ "$(cat "$path/address")" = "$1" ]; then basename "$path"; fi
  done
}

# rename_interface MAC NAME: now; the .link files do it at every boot.
rename_interface() {
  wait_until 30 "a network card with the MAC $1" test -n "$(interface_of "$1")"
  name=$(interface_of "$1")
  [ "$name" != "$2" ] || return 0
  ip link set "$name" down
  ip link set "$name" name "$2"
  ip link set "$2" up
}

[ -d /run/systemd/system ] || fail 'the box does not run systemd' 'take a Debian or Ubuntu box: vagrant.box in the testbed file'
case $(systemd-detect-virt || true) in
  oracle) nat_is_vagrants_own=yes ;; # VirtualBox: the connection that this script came by is on it
  *) nat_is_vagrants_own=no ;;
esac

# Name. cloud-init would take it back at the next boot.
echo "$TESTBED_HOST_NAME" >/etc/hostname
hostname "$TESTBED_HOST_NAME"
echo "127.0.0.1 localhost,$TESTBED_NEIGHBOURS" | tr ',' '\n' >/etc/hosts
if [ -d /etc/cloud/cloud.cfg.d ]; then
  printf 'preserve_hostname: true\nmanage_etc_hosts: false\n' >/etc/cloud/cloud.cfg.d/99-migration-testbed.cfg
fi

# Who may log in, and how the host proves to be itself.
mkdir -p /etc/ssh/sshd_config.d
{
  echo 'PermitRootLogin prohibit-password'
  echo 'UseDNS no'
  echo 'MaxSessions 32'
  echo 'MaxStartups 64'
  [ -z "${TESTBED_HOST_KEY:-}" ] || echo 'HostKey /etc/ssh/ssh_host_ed25519_key'
} >/etc/ssh/sshd_config.d/10-migration-testbed.conf
if [ -n "${TESTBED_PUBLIC_KEY:-}" ]; then
  mkdir -p /root/.ssh
  chmod 0700 /root/.ssh
  echo "$TESTBED_PUBLIC_KEY" >/root/.ssh/authorized_keys
  chmod 0600 /root/.ssh/authorized_keys
fi
if [ -n "${TESTBED_HOST_KEY:-}" ]; then
  rm -f /etc/ssh/ssh_host_*
  (umask 077 && echo "$TESTBED_HOST_KEY" | base64 -d >/etc/ssh/ssh_host_ed25519_key)
  ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key >/etc/ssh/ssh_host_ed25519_key.pub
fi
systemctl reload-or-restart ssh

# Networks: networkd's, whatever else the box configures; it leaves alone what none of its files names.
networks=/etc/systemd/network
mkdir -p "$networks"
link() { printf '[Match]\nMACAddress=%s\nType=ether\n\n[Link]\nName=%s\n' "$1" "$2" >"$networks/05-$2.link"; }
network() { printf '[Match]\n%s\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n%s\n' "$2" "$3" >"$networks/05-$1.network"; }
link "$TESTBED_MGMT_MAC" mgmt0
link "$TESTBED_SERVICE_NIC_MAC" service0
link "$TESTBED_NAT_MAC" nat0
network mgmt0 "MACAddress=$TESTBED_MGMT_MAC
Type=ether" "DHCP=no
Address=$TESTBED_MGMT_ADDRESS
ConfigureWithoutCarrier=yes"
network service0 "MACAddress=$TESTBED_SERVICE_NIC_MAC
Type=ether" 'Bridge=svc0'
network svc0 'Name=svc0' "DHCP=no
Address=$TESTBED_SERVICE_INTERFACE
ConfigureWithoutCarrier=yes"
network nat0 "MACAddress=$TESTBED_NAT_MAC
Type=ether" 'DHCP=ipv4'
printf '[NetDev]\nName=svc0\nKind=bridge\nMACAddress=%s\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n' \
  "$TESTBED_SERVICE_MAC" >"$networks/05-svc0.netdev"

rename_interface "$TESTBED_MGMT_MAC" mgmt0
rename_interface "$TESTBED_SERVICE_NIC_MAC" service0
[ "$nat_is_vagrants_own" = yes ] || rename_interface "$TESTBED_NAT_MAC" nat0
systemctl enable --quiet systemd-networkd
# networkctl needs D-Bus, which small images do without; a restart keeps what is leased.
networkctl reload 2>/dev/null || systemctl restart systemd-networkd
has_address() { ip -4 -o addr show dev "$1" | grep -qF " $2 "; }
wait_until 30 'the address on mgmt0' has_address mgmt0 "$TESTBED_MGMT_ADDRESS"
wait_until 30 'the address on svc0' has_address svc0 "$TESTBED_SERVICE_INTERFACE"
# Without a resolver of its own: the one of the user-mode network.
[ -s /etc/resolv.conf ] || { rm -f /etc/resolv.conf && echo 'nameserver 10.0.2.3' >/etc/resolv.conf; }

# Last: networkd's DHCP identity follows from it, and the lease that Vagrant came by is to stay until the next boot.
if [ -n "${TESTBED_MACHINE_ID:-}" ]; then echo "$TESTBED_MACHINE_ID" >/etc/machine-id; fi
