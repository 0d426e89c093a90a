/** Of an image's own configuration, what a bundle is made from; as `docker image inspect` shows it. */
export interface ImageConfig {
  readonly Env?: readonly string[] | null
  readonly Entrypoint?: readonly string[] | null
  readonly WorkingDir?: string
  /** `uid[:gid]` in numbers; empty is root. */
  readonly User?: string
}

export interface BundleOptions {
  readonly image: ImageConfig
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Path of the network namespace, which is there already. */
  readonly networkNamespace: string
  /** Of the CRIU options of this bundle alone. */
  readonly criuConfiguration: string
  readonly cgroup: string
  /** Mounted from the host, which has each at the same place. */
  readonly volumes: readonly { readonly source: string; readonly target: string }[]
  /** Folder on a tmpfs that is `/dev/shm` in the container. */
  readonly sharedMemory: string
}

/** Docker's own, so that a workload may do the same whichever toolchain moves it. */
const capabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
].map((name) => `CAP_${name}`)

const mount = (destination: string, type: string, options: readonly string[]) => ({
  destination,
  type,
  source: type,
  options,
})

/**
 * The `config.json` of a workload (OCI runtime specification, config.md): one pid, ipc, uts and mount namespace each, no
 * seccomp filter, no terminal. Nothing in it depends on the host. A tmpfs of its own would cost CRIU some ten milliseconds while all is frozen: `/dev` is
 * in the writable layer, and `/dev/shm` comes from outside, as Docker's does.
 * @throws RangeError when the image's user is a name
 */
export function bundleConfig(options: BundleOptions): Record<string, unknown> {
  const { image, environment } = options
  const env = new Map((image.Env ?? []).map((line) => [line.slice(0, line.indexOf('=')), line] as const))
  for (const [name, value] of Object.entries(environment)) env.set(name, `${name}=${value}`)
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: userOf(image.User ?? ''),
      args: [...(image.Entrypoint ?? []), ...options.command],
      env: [...env.values()],
      cwd: image.WorkingDir === undefined || image.WorkingDir === '' ? '/' : image.WorkingDir,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: false,
    },
    root: { path: 'rootfs', readonly: false },
    hostname: 'workload',
    mounts: [
      mount('/proc', 'proc', ['nosuid', 'noexec', 'nodev']),
      mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
      { ...mount('/dev/shm', 'bind', ['bind', 'nosuid', 'noexec', 'nodev']), source: options.sharedMemory },
      mount('/dev/mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
      mount('/sys', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
      ...options.volumes.map(({ source, target }) => ({ ...mount(target, 'bind', ['bind', 'rw']), source })),
    ],
    annotations: { 'org.criu.config': options.criuConfiguration },
    linux: {
      cgroupsPath: options.cgroup,
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'network', path: options.networkNamespace },
      ],
      resources: { devices: [{ allow: true, access: 'rwm' }] },
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

function userOf(user: string): { readonly uid: number; readonly gid: number } {
  const match = /^(\d+)(?::(\d+))?$/.exec(user === '' ? '0' : user)
  if (match === null) throw new RangeError(`the image's user is ${user}: only numbers are understood`)
  return { uid: Number(match[1]), gid: Number(match[2] ?? 0) }
}
