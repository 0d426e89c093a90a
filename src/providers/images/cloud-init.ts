import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { digestOf } from '../../core/digest.ts'
import { type GuestSeed, guestFiles, hostnameOf, optionValue } from './seed.ts'

/**
 * Writes the seed as cloud-init's NoCloud data source reads it, and answers with the QEMU arguments that pass it in: the
 * folder shows as a read-only FAT disk labelled `cidata`, which needs no program and no rights to make.
 * The machine-id goes by systemd's own way, a credential in the firmware's tables: it is read before cloud-init runs.
 */
export async function writeCloudInit(folder: string, seed: GuestSeed): Promise<readonly string[]> {
  const data = join(folder, 'cidata')
  await rm(data, { recursive: true, force: true })
  await mkdir(data, { recursive: true, mode: 0o700 }) // there is a private key in it
  for (const [name, text] of Object.entries(cloudInitFiles(seed))) {
    await writeFile(join(data, name), text, { mode: 0o600 })
  }
  return [
    '-drive',
    `if=none,id=seed,driver=vvfat,label=cidata,read-only=on,dir=${optionValue(data)}`,
    '-device',
    'virtio-blk-pci,drive=seed,serial=seed',
    '-smbios',
    `type=11,value=io.systemd.credential:system.machine_id=${seed.machineId}`,
  ]
}

/** The files of a NoCloud seed, by name. */
export function cloudInitFiles(
  seed: GuestSeed,
): Record<'meta-data' | 'user-data' | 'network-config', string> {
  const own = guestFiles(seed)
  const hosts = own['etc/hosts']?.text ?? ''
  return {
    // Another instance, another identity: cloud-init does its work again where an overlay of a provisioned host is started.
    'meta-data': stringify({
      'instance-id': `${seed.name}-${digestOf(JSON.stringify([own, seed.machineId]))}`,
      'local-hostname': hostnameOf(seed),
    }),
    'user-data': `#cloud-config\n${stringify({
      hostname: hostnameOf(seed),
      manage_etc_hosts: false,
      disable_root: false,
      ssh_pwauth: false,
      ssh_deletekeys: true,
      ssh_genkeytypes: ['ed25519'],
      ssh_keys: { ed25519_private: seed.hostKey.privateKey, ed25519_public: seed.hostKey.publicKey },
      users: [{ name: 'root', lock_passwd: true, ssh_authorized_keys: [seed.publicKey] }],
      package_update: false,
      package_upgrade: false,
      write_files: [
        { path: '/etc/hosts', content: hosts },
        { path: '/etc/ssh/sshd_config.d/10-migration-testbed.conf', content: sshdSettings },
      ],
      // Whatever wakes up by itself would disturb what is measured; the tool sets the clock.
      bootcmd: [['systemctl', 'mask', '--now', '--no-block', ...disturbing]],
      runcmd: [['systemctl', 'try-reload-or-restart', 'ssh']],
    })}`,
    'network-config': stringify(networkConfig(seed)),
  }
}

const sshdSettings = [
  'PermitRootLogin prohibit-password',
  'UseDNS no',
  'PrintMotd no',
  'AcceptEnv LANG LC_*',
  'MaxSessions 32',
  'MaxStartups 64',
  '',
].join('\n')

const disturbing = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'apt-news.service',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'esm-cache.service',
  'fstrim.timer',
  'fwupd-refresh.timer',
  'logrotate.timer',
  'man-db.timer',
  'motd-news.timer',
  'snapd.service',
  'snapd.socket',
  'snapd.seeded.service',
  'systemd-networkd-wait-online.service',
  'systemd-timesyncd.service',
  'ua-timer.timer',
  'unattended-upgrades.service',
  'update-notifier-download.timer',
  'update-notifier-motd.timer',
] as const

/** Netplan's form, version 2: the same three NICs as networkd.ts. */
function networkConfig({ mgmt, service, nat }: GuestSeed) {
  const nic = (name: string, macaddress: string) => ({
    match: { macaddress },
    'set-name': name,
    'link-local': [],
    'accept-ra': false,
  })
  return {
    version: 2,
    ethernets: {
      mgmt0: { ...nic('mgmt0', mgmt.mac), addresses: [`${mgmt.address}/${mgmt.prefixLength}`] },
      service0: { ...nic('service0', service.nicMac), optional: true },
      nat0: {
        ...nic('nat0', nat.mac),
        dhcp4: true,
        'dhcp-identifier': 'mac',
        'dhcp4-overrides': { 'use-ntp': false, 'use-hostname': false },
      },
    },
    bridges: {
      svc0: {
        interfaces: ['service0'],
        macaddress: service.mac,
        addresses: [`${service.address}/${service.prefixLength}`],
        'link-local': [],
        'accept-ra': false,
        parameters: { stp: false, 'forward-delay': 0 },
      },
    },
  }
}
