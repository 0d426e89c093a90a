import { expect, test } from 'vitest'
import { explainFailure } from '../../../../src/providers/vagrant/failures.ts'

const boxNotAdded = `==> host-a: Box 'cloud-image/ubuntu-24.04' could not be found. Attempting to find and install...
    host-a: Box Provider: libvirt
    host-a: Box Version: >= 0
The box 'cloud-image/ubuntu-24.04' could not be found or
could not be accessed in the remote catalog. If this is a private
box on HashiCorp's Vagrant Cloud, please verify you're logged in via
\`vagrant login\`. Also, please double-check the name. The expanded
URL and error message are shown below:
URL: ["https://vagrantcloud.com/cloud-image/ubuntu-24.04"]
Error: Could not resolve host: vagrantcloud.com`

/** As Vagrant 2.3, vagrant-libvirt 0.11, VirtualBox 7 and QEMU 10 say them. */
test.each([
  [
    `Error while activating network: Call to virNetworkCreate failed: internal error: Failed to apply firewall rules /usr/sbin/iptables -w --table filter --list-rules: libvirt:  error : cannot execute binary /usr/sbin/iptables: No such file or directory
.`,
    'prerequisite',
    'libvirt lacks what makes its networks',
    'install -y --no-install-recommends iptables',
  ],
  [boxNotAdded, 'prerequisite', 'the box cannot be had', 'testbed image box'],
  [
    `An error occurred while downloading the remote file. The error
message, if any, is reproduced below. Please fix this error and try
again.
The requested URL returned error: 404`,
    'prerequisite',
    'the box cannot be had',
    'testbed image box',
  ],
  [
    `The box you're attempting to add doesn't support the provider
you requested. Please find an alternate box or use an alternate
provider. Double-check your requested provider to verify you didn't
simply misspell it.`,
    'configuration',
    'the box is not for this hypervisor',
    'vagrant box list',
  ],
  [
    `There was an error while executing \`VBoxManage\`, a CLI used by Vagrant
Command: ["startvm", "8d6f", "--type", "headless"]
Stderr: VBoxManage: error: VT-x is not available (VERR_VMX_NO_VMX)`,
    'prerequisite',
    'no hardware virtualisation',
    '--provider qemu',
  ],
  [
    'Error while creating domain: Call to virDomainDefineXML failed: invalid argument: could not find capabilities for domaintype=kvm ',
    'prerequisite',
    'no hardware virtualisation',
    'accelerator: tcg',
  ],
  [
    `The IP address configured for the host-only network is not within the
allowed ranges. Please update the address used to be within the allowed
ranges and run the command again.
  Address: 10.87.0.2
  Ranges: 192.168.56.0/21`,
    'configuration',
    'does not allow',
    '192.168.56.0/21',
  ],
  [
    "Error while connecting to Libvirt: Error making a connection to libvirt URI qemu:///system:\nCall to virConnectOpen failed: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied",
    'prerequisite',
    'libvirt refuses us',
    'usermod -aG libvirt',
  ],
  [
    "Error while connecting to Libvirt: Error making a connection to libvirt URI qemu:///system:\nCall to virConnectOpen failed: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
    'prerequisite',
    'libvirt does not answer',
    'systemctl start libvirtd',
  ],
  [
    `Timed out while waiting for the machine to boot. This means that
Vagrant was unable to communicate with the guest machine within
the configured ("config.vm.boot_timeout" value) time period.`,
    'testbed',
    'did not come up in time',
    'console',
  ],
  [
    `The provider 'libvirt' could not be found, but was requested to
back the machine 'host-a'. Please use a provider that exists.`,
    'prerequisite',
    'cannot drive this hypervisor',
    'vagrant plugin install vagrant-libvirt',
  ],
  [
    `An action 'up' was attempted on the machine 'host-a',
but another process is already executing an action on the machine.`,
    'busy',
    'another vagrant',
    'wait',
  ],
  [
    'Error while creating a storage pool volume: No space left on device',
    'testbed',
    'a disk is full',
    'vol-list',
  ],
])('%s', (said, kind, message, hint) => {
  const error = explainFailure('up host-a', said.split('\n'), '/log')
  expect(error.kind).toBe(kind)
  expect(error.message).toContain(message)
  expect(error.parts.hint).toContain(hint)
  expect(error.parts.log).toBe('/log')
})

test('a failure that nobody knows shows the last lines, without where in Vagrant it was', () => {
  const said = [
    '==> host-a: Starting domain.',
    'Call to virDomainCreateWithFlags failed: internal error: PCI: slot 1 function 0 not available',
    "/usr/lib/ruby/vendor_ruby/fog/libvirt/models/compute/server.rb:76:in `start'",
  ]
  const error = explainFailure('up host-a', said, '/log')
  expect(error).toMatchObject({ kind: 'testbed', message: 'vagrant up host-a failed' })
  expect(error.parts.why).toEqual(said.slice(0, 2))
})

test('a script of ours that fails has a hint of its own', () => {
  const said = [
    '    host-a: Running: /tmp/vagrant-shell20261122-1-abc.sh',
    '    host-a: no sign of the address on mgmt0',
    '    host-a: hint: vagrant ssh, then: networkctl status --all',
  ]
  expect(explainFailure('up host-a', said, '/log').parts.hint).toBe(
    'vagrant ssh, then: networkctl status --all',
  )
})
