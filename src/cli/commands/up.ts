import { bringUp, rebuild } from '../../testbed/up.ts'
import { advise, columns, print, printJson } from '../output.ts'
import { createView } from '../progress.ts'
import type { Session } from '../session.ts'
import { loadWith, type TestbedOptions } from '../testbed-options.ts'

type Options = TestbedOptions & { readonly install?: boolean; readonly json?: boolean }

export async function up(session: Session, options: Options): Promise<undefined> {
  await make(session, options, bringUp)
}

export async function rebuildAll(session: Session, options: Options): Promise<undefined> {
  await make(session, options, rebuild)
}

async function make({ signal }: Session, options: Options, how: typeof bringUp): Promise<void> {
  const loaded = await loadWith(options)
  const view = await createView(loaded.value.hosts.map((host) => host.name))
  const testbed = await view.during(() => {
    const { provider, install } = options
    return how(loaded, {
      progress: view.progress,
      signal,
      ...(provider === undefined ? {} : { provider }),
      ...(install === undefined ? {} : { install }),
    })
  })
  const { name } = testbed.testbed
  const hosts = testbed.hosts.map((host) => ({
    name: host.name,
    address: host.address,
    kernel: host.facts.kernel,
    docker: host.facts.versions.dockerd ?? '–',
    criu: host.facts.versions.criu ?? '–',
  }))
  await testbed.close()
  if (options.json === true) printJson({ name, provider: testbed.provider, state: 'up', hosts })
  else {
    const heading = ['host', 'address', 'kernel', 'docker', 'criu']
    print(columns([heading, ...hosts.map((host) => Object.values(host))]))
    advise(
      `\ntestbed ${name} is up. Next:\n  testbed ssh ${hosts[0]?.name}\n  testbed run experiments/quickstart.yaml\n  testbed down`,
    )
  }
}
