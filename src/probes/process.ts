import { messageOf } from '../core/errors.ts'
import type { FromProcess, ToProcess } from './messages.ts'
import { startMetronome } from './metronome.ts'
import { raisePriority } from './priority.ts'
import { rehearse } from './rehearsal.ts'
import { writeSamples } from './samples-file.ts'
import { watchStalls } from './stall-watch.ts'
import { type RunningStreams, runStreams } from './streams.ts'

// The probing process: started by session.ts, which talks to it over the IPC channel. It does nothing but probe, so that
// no other work of the program delays a probe.

async function send(message: FromProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (process.send === undefined) reject(new Error('there is no channel to the parent process'))
    else process.send(message, undefined, undefined, (error) => (error === null ? resolve() : reject(error)))
  })
}

let running: { streams: RunningStreams; samplesFile: string; cpu: NodeJS.CpuUsage } | undefined

async function handle(message: ToProcess): Promise<void> {
  if (message.kind === 'start') {
    await rehearse(message.request.spec, 200)
    watch.begin()
    const streams = runStreams(message.request, metronome)
    running = { streams, samplesFile: message.request.samplesFile, cpu: process.cpuUsage() }
    await send({ kind: 'started', start: streams.start })
    return
  }
  if (running === undefined) throw new Error(`asked to ${message.kind} before it was started`)
  if (message.kind === 'await-connection') {
    await running.streams.connectionTold()
    await send({ kind: 'connection-told' })
    return
  }
  const { end, samples } = running.streams.stop()
  const stalls = watch.seen()
  const { user, system } = process.cpuUsage(running.cpu)
  await writeSamples(running.samplesFile, samples)
  await send({ kind: 'stopped', end, count: samples.length, cpuMs: (user + system) / 1000, stalls })
  // Thousands of sockets may still wait for an answer.
  process.exit(0)
}

process.on('message', (message) => {
  handle(message as ToProcess).catch(async (error: unknown) => {
    await send({ kind: 'failed', message: messageOf(error) })
    process.exit(1)
  })
})
// The parent is gone, however it ended.
process.on('disconnect', () => process.exit(1))
const priority = await raisePriority()
const metronome = await startMetronome(2)
const watch = await watchStalls()
await send({ kind: 'ready', priority })
