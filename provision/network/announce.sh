#!/bin/sh
# Announces that ADDRESS with MAC is reached through this host from now on: gratuitous ARP on the service network, so that
# switches learn the new place, and this host's own bridge forgets the old one. It needs no container yet: it can be said
# while one is still being restored.
#   announce.sh ADDRESS MAC COUNT INTERVAL_MS [DEVICE]
# With DEVICE it is said through that, once a line comes on standard input: inside a container's network namespace, where its
# own interface says it, every bridge learns it from that, this host's too.
set -eu
[ $# -lt 5 ] || exec 9<&0
[ $# -eq 5 ] || for port in $(bridge fdb show br svc0 | awk -v mac="$2" '$1 == mac && !/permanent/ { print $3 }'); do
  case $port in veth*) ;; *) bridge fdb del "$2" dev "$port" master 2>/dev/null || : ;; esac # learned anew meanwhile
done
exec perl - "$@" <<'PERL'
use strict;
use Socket;
my ($address, $mac, $count, $interval, $device) = @ARGV;
open(my $file, '<', "/sys/class/net/@{[$device // 'svc0']}/ifindex") or die "no such interface: $!\n";
my $index = <$file>;
my $hardware = pack('H12', $mac =~ tr/://dr);
my $broadcast = "\xff" x 6;
# Ethernet header, then an ARP request (1) by which sender and target are the announced address.
my $frame = $broadcast . $hardware . pack('n n n C C n', 0x0806, 1, 0x0800, 6, 4, 1)
  . $hardware . inet_aton($address) . "\0" x 6 . inet_aton($address);
my $to = pack('S n l S C C a8', 17, 0x0806, $index, 1, 1, 6, $broadcast); # struct sockaddr_ll, AF_PACKET
socket(my $socket, 17, SOCK_RAW, unpack('n', pack('S', 0x0806))) or die "socket: $!\n";
if ($device) {
  open(my $told, '<&=', 9) or die "nobody tells when: $!\n";
  defined(<$told>) or exit 1;
}
for my $n (1 .. $count) {
  send($socket, $frame, 0, $to) or die "send: $!\n";
  select(undef, undef, undef, $interval / 1000) if $n < $count;
}
PERL
