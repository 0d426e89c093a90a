#!/bin/sh
# CRIU, from the first source whose version really dumps and restores on this kernel (see verify.sh): the distribution's
# archive; on Debian then sid (only CRIU and what it needs; everything else stays); on Ubuntu the CRIU project's PPA.
#   TESTBED_CRIU_SOURCE=auto (default) | archive | sid | ppa
#   TESTBED_CRIU_VERIFY=no    takes the first source that installs: the image is made under another kernel than the host's
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
verify=$(dirname "$0")/verify.sh

works() { command -v criu >/dev/null && { [ "${TESTBED_CRIU_VERIFY:-yes}" = no ] || sh "$verify"; }; }

from_archive() {
  apt_lists
  available criu && apt_install criu
}

from_sid() {
  debian_sid && apt-get -q install -y --no-install-recommends -t sid criu
}

from_ppa() {
  apt_install software-properties-common
  add-apt-repository -y ppa:criu/ppa && apt-get -q update && apt-get -q install -y --no-install-recommends criu
}

case ${TESTBED_CRIU_SOURCE:-auto}-$ID in
  archive-* | sid-debian | ppa-ubuntu) sources=from_$TESTBED_CRIU_SOURCE ;;
  auto-debian) sources='from_archive from_sid' ;;
  auto-ubuntu) sources='from_archive from_ppa' ;;
  *) fail "no source of CRIU named ${TESTBED_CRIU_SOURCE:-auto} is known for $ID" 'on Debian archive or sid, on Ubuntu archive or ppa' ;;
esac

apt_install iptables nftables perl-base
# Docker brings it; who has no Docker needs it all the same.
command -v runc >/dev/null || apt_install runc
for source in $sources; do
  works && break
  "$source" || echo "$source: not available" >&2
done
works || fail "no CRIU from $sources works on kernel $(uname -r)" \
  'see /var/log/criu/verify on the host; newer kernels need a newer CRIU (6.16 and later: 4.2)'

# Engines give no way to pass these to CRIU; runc reads them at every checkpoint and restore.
mkdir -p /etc/criu /var/log/criu
cat >/etc/criu/runc.conf <<CONF
tcp-established
skip-in-flight
file-locks
ghost-limit 67108864
work-dir /var/log/criu
CONF
