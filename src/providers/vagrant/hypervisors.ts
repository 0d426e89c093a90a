import type { HypervisorCheck } from './hypervisor.ts'
import { findLibvirt } from './libvirt.ts'
import { findVirtualBox } from './virtualbox.ts'

/** Both, the one to prefer first: libvirt runs its machines in parallel and takes snapshots in seconds. */
export async function checkHypervisors(): Promise<readonly HypervisorCheck[]> {
  return await Promise.all([findLibvirt(), findVirtualBox()])
}
