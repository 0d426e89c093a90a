import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { digestOf } from '../core/digest.ts'
import { mustRunLocal } from '../core/process.ts'
import { digestOfFile } from './digest.ts'

export interface ArchiveContent {
  /** An uncompressed tar of the root file system. It is moved into the archive. */
  readonly layer: string
  /** `repository:tag` under which engines list the image. */
  readonly name: string
  /** As image configurations name it: `amd64`, `arm64`. */
  readonly architecture: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** What an engine that is told no other ends it with: `SIGINT`. */
  readonly stopSignal: string
}

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Writes an image archive that `docker load`, podman and skopeo read: the format of `docker save` and, with the same
 * blobs, the OCI image layout.
 * The image ID is the digest of the configuration, and nothing in that depends on when or where it is written:
 * the same layer always has the same ID, where `docker import` would make up a new one on every host.
 * `folder` is for the parts, and is removed.
 */
export async function writeArchive(
  content: ArchiveContent,
  folder: string,
  archive: string,
  signal?: AbortSignal,
): Promise<{ readonly id: string }> {
  const blobs = path.join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: `sha256:${await digestOfFile(content.layer, signal)}`,
    size: (await stat(content.layer)).size,
  }
  await rename(content.layer, path.join(blobs, layer.digest.slice(7)))

  const addBlob = async (mediaType: string, value: unknown) => {
    const text = JSON.stringify(value)
    const digest = digestOf(text, 64)
    await writeFile(path.join(blobs, digest), text)
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
  }
  const config = await addBlob(
    'application/vnd.oci.image.config.v1+json',
    configuration(content, layer.digest),
  )
  const manifest = await addBlob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: [layer],
  })

  const blobPath = (digest: string) => `blobs/sha256/${digest.slice(7)}`
  const documents: Record<string, unknown> = {
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    'index.json': {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...manifest, annotations: imageNames(content.name) }],
    },
    'manifest.json': [
      { Config: blobPath(config.digest), RepoTags: [content.name], Layers: [blobPath(layer.digest)] },
    ],
  }
  for (const [file, value] of Object.entries(documents)) {
    await writeFile(path.join(folder, file), JSON.stringify(value))
  }
  await mustRunLocal(
    [
      'tar',
      '--create',
      `--file=${archive}`,
      `--directory=${folder}`,
      ...sameEverywhere,
      'blobs',
      ...Object.keys(documents),
    ],
    {
      what: 'write the image archive',
      hint: 'is the disk full?',
      ...(signal === undefined ? {} : { signal }),
    },
  )
  await rm(folder, { recursive: true })
  return { id: config.digest }
}

const sameEverywhere = [
  '--format=gnu',
  '--sort=name',
  '--mtime=@0',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--mode=u=rwX,go=rX',
]

/** The image specification's configuration: <https://github.com/opencontainers/image-spec/blob/main/config.md>. */
function configuration(content: ArchiveContent, layerDigest: string) {
  const created = '1970-01-01T00:00:00Z'
  const environment = { PATH: searchPath, ...content.environment }
  return {
    created,
    architecture: content.architecture,
    os: 'linux',
    config: {
      Env: Object.entries(environment)
        .map(([name, value]) => `${name}=${value}`)
        .toSorted(),
      Cmd: content.command,
      StopSignal: content.stopSignal,
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [layerDigest] },
    history: [{ created, created_by: 'migration-testbed' }],
  }
}

/** What containerd and skopeo read a name from where there is no manifest.json. */
function imageNames(name: string): Record<string, string> {
  return {
    'io.containerd.image.name': `docker.io/${name}`,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  }
}
