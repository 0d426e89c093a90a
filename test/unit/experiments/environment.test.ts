import { describe, expect, it } from 'vitest'
import type { LocalResult } from '../../../src/core/process.ts'
import { collectEnvironment } from '../../../src/experiments/environment.ts'
import type { MachineTools } from '../../../src/experiments/machine.ts'
import { createFakeClock } from './fake-clock.ts'
import { createWorld, facts } from './fakes.ts'

/** A machine of these files and programs, and no others. */
function machine(files: Record<string, string>, programs: Record<string, string>): MachineTools {
  return {
    readText: async (path) => Object.entries(files).find(([end]) => path.endsWith(end))?.[1],
    run: async (argv): Promise<LocalResult> => {
      const stdout = programs[argv.join(' ')]
      return stdout === undefined
        ? { exitCode: 127, stdout: '', stderr: 'not found' }
        : { exitCode: 0, stdout, stderr: '' }
    },
  }
}

const collect = (tools: MachineTools) =>
  collectEnvironment(createWorld().testbed, {
    clock: createFakeClock(),
    signal: new AbortController().signal,
    tools,
  })

describe('collectEnvironment', () => {
  it('describes tool, machine and hosts', async () => {
    const environment = await collect(
      machine(
        {
          '/package.json': '{"version": "1.2.3"}',
          '/current_clocksource': 'tsc\n',
          '/net/ipv4/tcp_retries2': '15\n',
          '/net/ipv4/ip_local_port_range': '32768\t60999\n',
        },
        {
          'git rev-parse --show-cdup HEAD': '\nabc123\n',
          'git status --porcelain': ' M src/core/time.ts\n',
          'tc qdisc show': 'qdisc noqueue 0: dev lo root refcnt 2\n',
        },
      ),
    )
    expect(environment).toMatchObject({
      startedAt: expect.stringMatching(/^2026-11-22T/),
      tool: { name: 'migration-testbed', version: '1.2.3' },
      git: { commit: 'abc123', dirty: true },
      node: process.version,
      provider: 'namespaces',
      accelerator: 'none',
      machine: {
        clockSource: 'tsc',
        sysctls: { 'net.ipv4.tcp_retries2': '15', 'net.ipv4.ip_local_port_range': '32768 60999' },
        queueDisciplines: ['qdisc noqueue 0: dev lo root refcnt 2'],
        cpus: expect.any(Number),
        memoryBytes: expect.any(Number),
        loadAverage: [expect.any(Number), expect.any(Number), expect.any(Number)],
      },
      hosts: [
        { name: 'host-a', facts },
        { name: 'host-b', facts },
      ],
    })
  })

  it('leaves out what cannot be read', async () => {
    const environment = await collect(machine({}, {}))
    expect(environment).not.toHaveProperty('git')
    expect(environment.tool).toEqual({ name: 'migration-testbed' })
    expect(environment.machine).toMatchObject({ sysctls: {} })
    expect(environment.machine).not.toHaveProperty('clockSource')
    expect(environment.machine).not.toHaveProperty('queueDisciplines')
  })

  it('does not take the checkout of another project around the package for its own', async () => {
    const environment = await collect(machine({}, { 'git rev-parse --show-cdup HEAD': '../../\nabc123\n' }))
    expect(environment).not.toHaveProperty('git')
  })
})
