import { describe, expect, it } from 'vitest'
import { takeBaseline } from '../../../src/experiments/clean-state.ts'
import type { Host } from '../../../src/hosts/host.ts'
import { createFakeClock } from './fake-clock.ts'
import { createWorld } from './fakes.ts'

const { hosts } = createWorld().testbed
const signal = new AbortController().signal

/** `seen`: what each look at a host finds, the first being the baseline. */
async function residueOf(seen: Record<string, (string[] | Error)[]>): Promise<string[]> {
  const take = async (host: Host) => {
    const next = seen[host.name]?.shift() ?? []
    if (next instanceof Error) throw next
    return next
  }
  const compare = (before: string[], now: string[]) => now.filter((item) => !before.includes(item))
  const check = await takeBaseline(hosts, { take, compare, clock: createFakeClock() }, signal)
  return (await check.residue(hosts, signal)).map(({ host, what }) => `${host}: ${what}`)
}

describe('takeBaseline', () => {
  it('finds nothing where all is as it was', async () => {
    const seen = { 'host-a': [['a bridge'], ['a bridge']], 'host-b': [[], []] }
    expect(await residueOf(seen)).toEqual([])
  })

  it('gives the kernel a moment to take apart what has ended', async () => {
    const seen = { 'host-a': [[], ['a mount'], ['a mount'], ['a mount'], []] }
    expect(await residueOf(seen)).toEqual([])
  })

  it('names what stays, with its host', async () => {
    const stays = Array.from({ length: 4 }, () => ['a mount', 'a rule'])
    expect(await residueOf({ 'host-b': [[], ...stays] })).toEqual(['host-b: a mount', 'host-b: a rule'])
  })

  it('names a host that cannot be asked', async () => {
    expect(await residueOf({ 'host-a': [[], new Error('connection lost')] })).toEqual([
      'host-a: cannot be asked (connection lost)',
    ])
  })

  it('fails when the hosts cannot be asked at the beginning', async () => {
    await expect(residueOf({ 'host-a': [new Error('connection lost')] })).rejects.toThrow('connection lost')
  })
})
