#!/bin/sh
# Runs inside the new root file system: components, settings, initrd.
#   customize.sh FOLDER        holds provision/, files/ and initrd/
set -eu
folder=$1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

for component in $TESTBED_COMPONENTS; do
  # Here CRIU would be tried against the building machine's kernel: the guest's own verify.sh judges it.
  TESTBED_START_SERVICES=no TESTBED_CRIU_VERIFY=no sh "$folder/provision/$component/install.sh"
done

cp -R "$folder/files/." /
chown -R root:root /etc/systemd /etc/ssh
# Identity comes with the seed (see src/providers/images/seed.ts), before the init starts.
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/hostname
: >/etc/machine-id
install -d -m 0700 /root/.ssh

systemctl enable systemd-networkd ssh
# Whatever wakes up by itself would disturb what is measured; the login on the console and the waits cost boot time.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer logrotate.timer man-db.timer systemd-tmpfiles-clean.timer \
  getty.target getty-static.service getty@tty1.service serial-getty@ttyS0.service console-getty.service \
  systemd-firstboot.service systemd-logind.service systemd-networkd-wait-online.service systemd-pstore.service \
  systemd-network-generator.service systemd-boot-random-seed.service systemd-timesyncd.service; do
  systemctl mask "$unit"
done
mkdir -p /etc/systemd/system-generators /etc/systemd/system/local-fs.target.wants
for generator in getty gpt-auto hibernate-resume ssh tpm2; do
  ln -sf /dev/null "/etc/systemd/system-generators/systemd-$generator-generator"
done
# Grows the file system where the disk is larger than the image.
ln -sf /usr/lib/systemd/system/systemd-growfs-root.service /etc/systemd/system/local-fs.target.wants/

sh "$folder/initrd/make.sh" "$folder/initrd/init.sh" /boot/testbed-initrd

apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig /tmp/*
# Nothing of /usr is newer than /etc and /var: no caches have to be made at boot.
touch /etc/.updated /var/.updated
