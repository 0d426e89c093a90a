#!/bin/sh
# Lets the last words of a disk-less dump out at once. CRIU corks its connection to the page server and pushes what is urgent, but
# not the command that ends it: the kernel sends that 200 ms later, for which the workload stays frozen. Nothing that CRIU takes
# changes it, so whatever waits is pushed from outside, every few milliseconds (pidfd_getfd, Linux 5.6). To draw the cork for good
# would send every page's header in a packet of its own. Where this cannot be done, the dump takes 200 ms longer.
#   push.sh ADDRESS:PORT       waits for a line on standard input, then for CRIU's connection to there; ends with it
exec perl - "$1" 3<&0 <<'PERL'
use strict;
use Socket;
my ($address, $port) = split /:/, $ARGV[0];
# As /proc/net/tcp writes it.
my $remote = sprintf '%08X:%04X', unpack('L', inet_aton($address)), $port;
my ($pidfd_open, $pidfd_getfd, $tcp, $nodelay) = (434, 438, 6, 1);
open(my $told, '<&=', 3);
defined(<$told>) or exit;
my $file;
for (1 .. 1000) {
  last if $file = connection();
  select(undef, undef, undef, 0.005);
}
exit unless $file;
my $link = readlink($file) // exit;
my ($pid, $number) = $file =~ m{(\d+)/fd/(\d+)};
my $process = syscall($pidfd_open, $pid + 0, 0);
my $copy = $process < 0 ? -1 : syscall($pidfd_getfd, $process, $number + 0, 0);
exit if $copy < 0;
open(my $socket, '+<&=', $copy) or exit;
# The copy keeps the connection open, and must not for longer than CRIU does.
while ((readlink($file) // '') eq $link) {
  setsockopt($socket, $tcp, $nodelay, 1); # pushes, though it is corked (tcp(7))
  select(undef, undef, undef, 0.002);
}

# connection: which file of CRIU's is the connection to there; nothing as long as there is none.
sub connection {
  open(my $table, '<', '/proc/net/tcp') or return;
  # One that has ended stays in the table for a minute, without an inode.
  my ($inode) = grep { $_ } map { (split)[9] } grep { (split)[2] eq $remote } <$table>;
  return unless $inode;
  my @criu = grep { (readlink("$_/exe") // '') =~ m{/criu$} } glob('/proc/[0-9]*');
  my ($found) = grep { (readlink($_) // '') eq "socket:[$inode]" } map { glob("$_/fd/*") } @criu;
  return $found;
}
PERL
