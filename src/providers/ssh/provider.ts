import type { HostName, ResolvedTestbed } from '../../config/resolved.ts'
import { digestOf } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { step } from '../../core/progress.ts'
import type { HostAddress } from '../../hosts/address.ts'
import type { Conflict, HostStatus, Provider, ProviderContext, Requirement } from '../provider.ts'
import { requireHosts } from '../require-hosts.ts'
import { requireProgram } from '../requirements.ts'
import { clientConflicts, ownMachineId, waitForService } from './client.ts'
import { judgeMachines } from './judge.ts'
import {
  cleanMachine,
  failuresOf,
  joinService,
  noMachine,
  powerOff,
  stateOf,
  waitForNeighbour,
} from './machine.ts'
import { forget, recall, remember } from './remembered.ts'
import { type Survey, surveyMachine } from './survey.ts'

/** Machines that exist already: checked, joined to the service network, used, cleaned up; never made and never destroyed. */
export function createSshProvider(context: ProviderContext): Provider {
  return {
    name: 'ssh',
    check: checkMachine,
    conflicts: (testbed) => conflicts(context, testbed),
    create: (testbed, signal) => create(context, testbed, signal),
    list: () => list(context),
    reset: (testbed, hosts, signal) => reset(context, testbed, hosts, signal),
    kill: (host) => kill(context, host),
    destroy: () => destroy(context),
  }
}

async function checkMachine(): Promise<Requirement[]> {
  return [
    await requireProgram('ssh', 'openssh-client'),
    await requireProgram('ssh-keygen', 'openssh-client'),
    await requireProgram('ip', 'iproute2'),
  ]
}

/** What machines bear while they belong to this testbed; another checkout or another client has another one. */
async function idOf(context: ProviderContext): Promise<string> {
  return digestOf(`${await ownMachineId()} ${context.stateFolder}`, 12)
}

async function conflicts(context: ProviderContext, testbed: ResolvedTestbed): Promise<Conflict[]> {
  const unnamed = testbed.hosts.find(({ machine }) => machine === undefined)
  if (unnamed !== undefined) {
    const { message, parts } = noMachine(unnamed.name)
    return [{ pointer: ['hosts'], message, hint: parts.hint ?? '' }]
  }
  const ofClient = await clientConflicts(testbed)
  if (ofClient.length > 0) return ofClient
  const surveys = await survey(context, testbed, AbortSignal.timeout(60_000))
  return judgeMachines({ testbed, surveys, id: await idOf(context), ownMachineId: await ownMachineId() })
}

async function survey(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<Survey[]> {
  return await Promise.all(
    testbed.hosts.map(({ name, machine }) => {
      if (machine === undefined) throw noMachine(name)
      return surveyMachine(context, name, machine, signal)
    }),
  )
}

async function create(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<HostAddress[]> {
  const id = await idOf(context)
  const surveys = await survey(context, testbed, signal)
  const addresses = surveys.map(({ address }) => address)
  const wanted = new Set(testbed.hosts.map(({ name }) => name))
  const before = (await recall(context.stateFolder)).hosts
  const gone = before.filter(({ name }) => !wanted.has(name))
  await remember(context.stateFolder, {
    allowKill: testbed.allowKill === true,
    hosts: [...addresses, ...gone],
  })
  await Promise.all(gone.map((address) => cleanMachine(context, id, address, signal)))
  await remember(context.stateFolder, { allowKill: testbed.allowKill === true, hosts: addresses })
  await join(
    context,
    testbed,
    surveys,
    testbed.hosts.map(({ name }) => name),
    signal,
  )
  return addresses
}

/** Joins hosts to the service network, and waits until they, their neighbours and the client reach each other. */
async function join(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  surveys: readonly Survey[],
  names: readonly HostName[],
  signal: AbortSignal,
): Promise<void> {
  const id = await idOf(context)
  await Promise.all(
    testbed.hosts.map(async (host) => {
      const own = surveys.find(({ name }) => name === host.name)
      if (own === undefined || !names.includes(host.name)) return
      await step(
        context.progress,
        'join the networks',
        async () => {
          await joinService(context, id, testbed, host, own.address, signal)
          await waitForService(host, context.clock, signal)
          for (const { name, address, session } of surveys) {
            if (name === host.name) continue
            const neighbour = { name, mgmtAddress: address.mgmtAddress, port: session.port }
            await waitForNeighbour(context, own.address, neighbour, signal)
          }
        },
        { host: host.name },
      )
    }),
  )
}

async function list(context: ProviderContext): Promise<HostStatus[]> {
  const id = await idOf(context)
  const { hosts } = await recall(context.stateFolder)
  return await Promise.all(hosts.map((address) => stateOf(id, address)))
}

async function reset(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  hosts: readonly HostName[],
  signal: AbortSignal,
): Promise<HostAddress[]> {
  const id = await idOf(context)
  requireHosts(testbed, hosts)
  const surveys = await survey(context, testbed, signal)
  const chosen = surveys.filter(({ name }) => hosts.includes(name)).map(({ address }) => address)
  await Promise.all(
    chosen.map((address) =>
      step(context.progress, 'clean', () => cleanMachine(context, id, address, signal), {
        host: address.name,
      }),
    ),
  )
  await join(context, testbed, surveys, hosts, signal)
  return hosts.flatMap((name) => chosen.find((address) => address.name === name) ?? [])
}

async function kill(context: ProviderContext, host: HostName): Promise<void> {
  const { allowKill, hosts } = await recall(context.stateFolder)
  const address = hosts.find(({ name }) => name === host)
  if (address === undefined) {
    throw new TestbedError('configuration', `there is no host ${host}`, {
      hint: 'testbed status lists the hosts',
    })
  }
  if (!allowKill) {
    throw new TestbedError('configuration', 'unsupported: provider ssh powers no machine off', {
      where: host,
      why: ['it exists without the testbed, and nothing here could power it on again'],
      hint: 'where that is all right, write ssh: { allowKill: true } in the testbed file',
    })
  }
  await powerOff(context, address)
}

/** Cleans every machine up and forgets it; one that is not reached is remembered, so that it can be tried again. */
async function destroy(context: ProviderContext): Promise<void> {
  const id = await idOf(context)
  const { allowKill, hosts } = await recall(context.stateFolder)
  const failed: { readonly name: string; readonly address: HostAddress; readonly error: unknown }[] = []
  await Promise.all(
    hosts.map(async (address) => {
      const { name } = address
      await step(context.progress, 'clean', () => cleanMachine(context, id, address), { host: name }).catch(
        (error: unknown) => failed.push({ name, address, error }),
      )
    }),
  )
  if (failed.length === 0) return await forget(context.stateFolder)
  await remember(context.stateFolder, { allowKill, hosts: failed.map(({ address }) => address) })
  throw new TestbedError('testbed', `${failed.length} of ${hosts.length} machines could not be cleaned up`, {
    why: failuresOf(failed),
    hint: `try again when they are reached; if they are gone for ever: rm -r ${context.stateFolder}`,
  })
}
