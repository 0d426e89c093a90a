import { type ErrorKind, TestbedError } from '../../core/errors.ts'
import { lastLines } from '../../core/process.ts'

interface Failure {
  /** In Vagrant's, its plug-ins' or the hypervisor's own words. */
  readonly says: RegExp
  readonly message: string
  readonly hint: string
  readonly kind?: ErrorKind
}

/** The first that matches explains the failure: the more special ones stand before those that accompany many. */
const failures: readonly Failure[] = [
  {
    says: /box '.*' could not be found or could not be accessed|Couldn't open file .*\.box|error occurred while downloading the remote file|Could not resolve host|The box '.*' does not exist|no available version that matches/i,
    message: 'the box cannot be had',
    hint: 'without a download: testbed image box makes one of debian-13 and adds it; then vagrant: { box: migration-testbed/debian-13 } in the testbed file',
    kind: 'prerequisite',
  },
  {
    says: /The box you're attempting to add doesn't support the provider|doesn't support the provider you requested|No version matching the provider/i,
    message: 'the box is not for this hypervisor',
    hint: 'choose another vagrant.box or vagrant.hypervisor in the testbed file; vagrant box list shows what is there',
    kind: 'configuration',
  },
  {
    says: /VT-x is (not available|disabled)|AMD-V is (not available|disabled)|VERR_(VMX_NO_VMX|SVM_NO_SVM|VMX_MSR_ALL_VMX_DISABLED|VMX_IN_VMX_ROOT_MODE)|(find capabilities for|does not support virt type|unsupported) .*kvm|failed to initialize kvm|could not access KVM kernel module/i,
    message: 'this machine has no hardware virtualisation to use',
    hint: 'switch it on in the firmware and close other hypervisors; or take --provider qemu, or vm: { accelerator: tcg } with libvirt, which emulate',
    kind: 'prerequisite',
  },
  {
    says: /not within the allowed ranges|E_ACCESSDENIED.*host-only|configured for the host-only network is not/i,
    message: 'VirtualBox does not allow the testbed’s networks',
    hint: 'take subnets within 192.168.56.0/21 in the testbed file, or allow others in /etc/vbox/networks.conf',
    kind: 'configuration',
  },
  {
    says: /vboxdrv|\/dev\/vboxdrv|kernel module is not loaded/i,
    message: 'VirtualBox’s kernel module is not loaded',
    hint: 'sudo /sbin/vboxconfig; with Secure Boot the module has to be signed first',
    kind: 'prerequisite',
  },
  {
    says: /libvirt-sock.*Permission denied|authentication (failed|unavailable)|polkit|Error while connecting to Libvirt: .*(denied|authentication)/i,
    message: 'libvirt refuses us',
    hint: 'sudo usermod -aG libvirt $USER, then log in again',
    kind: 'prerequisite',
  },
  {
    says: /Error while connecting to Libvirt|Failed to connect socket to .*libvirt/i,
    message: 'libvirt does not answer',
    hint: 'systemctl start libvirtd; virsh --connect qemu:///system version must answer',
    kind: 'prerequisite',
  },
  {
    says: /cannot execute binary \S*(iptables|ebtables|nft)/i,
    message: 'libvirt lacks what makes its networks',
    hint: 'apt-get install -y --no-install-recommends iptables',
    kind: 'prerequisite',
  },
  {
    says: /Could not open '.*': Permission denied|cannot access storage file/i,
    message: 'the guests may not read their disks',
    hint: 'libvirt’s storage pool has to be readable for its user (libvirt-qemu): virsh pool-dumpxml default shows where it is',
  },
  {
    says: /No usable storage pool|creating Libvirt storage pool|Storage pool not found/i,
    message: 'libvirt has no storage pool to use',
    hint: 'virsh pool-define-as default dir --target /var/lib/libvirt/images && virsh pool-start default',
    kind: 'prerequisite',
  },
  {
    says: /No space left on device|ENOSPC|not enough free space/i,
    message: 'a disk is full',
    hint: 'vagrant box list and virsh vol-list default show what takes room; testbed down removes this testbed’s machines',
  },
  {
    says: /Cannot allocate memory|not enough memory|VERR_NO_MEMORY|out of memory/i,
    message: 'this machine has not enough memory',
    hint: 'less for each machine: vm: { memory: 512MiB } in the testbed file',
  },
  {
    says: /does not match with network name|network is already in use|already in use by interface|overlaps? (with )?.*network/i,
    message: 'a network is taken',
    hint: 'another subnet in the testbed file; virsh net-list --all, or VBoxManage list hostonlyifs, shows what is there',
    kind: 'configuration',
  },
  {
    says: /Timed out while waiting for the machine to boot|No IP address found|timed out.*(ssh|guest)|communicator.*timeout|reported error.*ssh/i,
    message: 'a machine did not come up in time',
    hint: 'its console is in .testbed/NAME/logs/HOST/boot.log; without KVM a guest boots ten to thirty times slower',
  },
  {
    says: /provider '.*' could not be found|unknown configuration section '(libvirt|virtualbox)'|plugin.*(not installed|is missing)/i,
    message: 'Vagrant cannot drive this hypervisor',
    hint: 'vagrant plugin install vagrant-libvirt, or the package vagrant-libvirt; for VirtualBox a version that Vagrant knows',
    kind: 'prerequisite',
  },
  {
    says: /another process is already executing an action|machine.*is locked/i,
    message: 'another vagrant is at work on these machines',
    hint: 'wait for it to end, then try again',
    kind: 'busy',
  },
]

/** What a failed `vagrant …` means, with its last lines and where the whole of them is. */
export function explainFailure(command: string, said: readonly string[], log: string): TestbedError {
  // Vagrant shows where in itself it failed, which helps nobody here; the log keeps it.
  const text = said.filter((line) => !/^\S+\.rb:\d+:in /.test(line)).join('\n')
  // A message may be broken into lines anywhere.
  const known = failures.find(({ says }) => says.test(text) || says.test(text.replace(/\s+/g, ' ')))
  const hint = [...said]
    .reverse()
    .find((line) => /(^|: )hint: /.test(line))
    ?.replace(/^.*?hint: /, '')
  return new TestbedError(
    known?.kind ?? 'testbed',
    known === undefined ? `vagrant ${command} failed` : `${known.message} (vagrant ${command})`,
    {
      why: lastLines(text),
      hint: known?.hint ?? hint ?? 'the log has everything that Vagrant said',
      log,
    },
  )
}
