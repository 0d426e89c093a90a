import type { GuestFile, GuestSeed } from './seed.ts'

const folder = 'etc/systemd/network'

/**
 * The guest's three NICs, told apart by MAC: `mgmt0`; `service0` in the bridge `svc0`, which workloads join and which
 * forwards at once; `nat0` with the default route.
 */
export function networkFiles(seed: Pick<GuestSeed, 'mgmt' | 'service' | 'nat'>): Record<string, GuestFile> {
  const { mgmt, service, nat } = seed
  const still = [
    'LinkLocalAddressing=no',
    'IPv6AcceptRA=no',
    'LLMNR=no',
    'ConfigureWithoutCarrier=yes',
    'IgnoreCarrierLoss=yes',
  ]
  return {
    [`${folder}/10-mgmt0.link`]: link(mgmt.mac, 'mgmt0'),
    [`${folder}/10-service0.link`]: link(service.nicMac, 'service0'),
    [`${folder}/10-nat0.link`]: link(nat.mac, 'nat0'),
    [`${folder}/20-svc0.netdev`]: unit([
      ['NetDev', ['Name=svc0', 'Kind=bridge', `MACAddress=${service.mac}`]],
      ['Bridge', ['STP=no', 'ForwardDelaySec=0']],
    ]),
    [`${folder}/30-mgmt0.network`]: unit([
      ['Match', ['Name=mgmt0']],
      ['Network', [`Address=${mgmt.address}/${mgmt.prefixLength}`, ...still]],
    ]),
    [`${folder}/30-service0.network`]: unit([
      ['Match', ['Name=service0']],
      ['Network', ['Bridge=svc0', 'LinkLocalAddressing=no']],
    ]),
    [`${folder}/30-svc0.network`]: unit([
      ['Match', ['Name=svc0']],
      ['Network', [`Address=${service.address}/${service.prefixLength}`, ...still]],
    ]),
    [`${folder}/30-nat0.network`]: unit([
      ['Match', ['Name=nat0']],
      ['Network', ['DHCP=ipv4', 'LinkLocalAddressing=no', 'IPv6AcceptRA=no', 'LLMNR=no']],
      ['DHCPv4', ['ClientIdentifier=mac', 'UseNTP=no', 'UseHostname=no']],
    ]),
  }
}

function link(mac: string, name: string): GuestFile {
  return unit([
    ['Match', [`PermanentMACAddress=${mac}`]],
    ['Link', [`Name=${name}`, 'NamePolicy=', 'MACAddressPolicy=none']],
  ])
}

/** A file in systemd's format. */
function unit(sections: readonly (readonly [string, readonly string[]])[]): GuestFile {
  return { text: sections.map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`).join('\n') }
}
