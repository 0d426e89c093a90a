#!/bin/sh
# Lets the last words of a disk-less dump out at once. CRIU corks its connection to the page server and pushes what is urgent, but
# not the command that ends it: the kernel sends that 200 ms later, for which the workload stays frozen. Nothing that CRIU takes
# changes it, so the cork is drawn from outside (pidfd_getfd, Linux 5.6), while the memory is being written. Where that cannot be
# done, the dump takes 200 ms longer.
#   uncork.sh ADDRESS:PORT       waits for a line on standard input, then for CRIU's connection to there
exec perl - "$1" 3<&0 <<'PERL'
use strict;
use Socket;
my ($address, $port) = split /:/, $ARGV[0];
# As /proc/net/tcp writes it.
my $remote = sprintf '%08X:%04X', unpack('L', inet_aton($address)), $port;
my ($pidfd_open, $pidfd_getfd, $tcp, $cork) = (434, 438, 6, 3);
open(my $told, '<&=', 3);
defined(<$told>) or exit;
my $socket;
for (1 .. 2500) {
  $socket //= find();
  # It connects first and corks then.
  last if $socket && unpack('i', getsockopt($socket, $tcp, $cork));
  select(undef, undef, undef, 0.002);
}
setsockopt($socket, $tcp, $cork, 0) if $socket;

sub find {
  open(my $table, '<', '/proc/net/tcp') or return;
  my ($inode) = map { (split)[9] } grep { (split)[2] eq $remote } <$table>;
  return unless $inode;
  my ($link) = grep { (readlink($_) // '') eq "socket:[$inode]" } glob('/proc/[0-9]*/fd/*') or return;
  my ($pid, $number) = $link =~ m{(\d+)/fd/(\d+)};
  my $process = syscall($pidfd_open, $pid + 0, 0);
  my $copy = $process < 0 ? -1 : syscall($pidfd_getfd, $process, $number + 0, 0);
  exit if $copy < 0;
  open(my $found, '+<&=', $copy) or exit;
  return $found;
}
PERL
