import type { Host } from '../../hosts/host.ts'
import type { WorkloadImage } from '../../workloads/image.ts'
import { loadImageInto } from '../../workloads/load.ts'
import { podmanCommand } from './podman.ts'

/** Gives a host's podman the image that Docker has, under the same ID; it has storage of its own. */
export async function loadImage(host: Host, image: WorkloadImage, signal: AbortSignal): Promise<void> {
  if (host.facts.versions.podman === undefined) return
  await loadImageInto(host, image, podmanCommand, signal)
}
