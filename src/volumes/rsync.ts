import { openListener } from '../transfer/listener.ts'
import type { BackEnd } from './back-end.ts'
import { listenArgv, onCopy } from './copies.ts'

/** Of how files stand, before and after: the clock of a host may be a little behind that of its file system. */
const marginSeconds = 2

/** Passes that compare files: on any file system, but each has to look at all of them. */
export const rsync: BackEnd = {
  name: 'rsync',
  quota: false,
  shared: false,
  openPush: async ({ source, destination, dataset }) => {
    const listener = await openListener(destination, (port) =>
      listenArgv(String(port), destination.address, source.address, dataset.id),
    )
    let began: number | undefined
    return {
      pass: async ({ signal }) => {
        const before = began
        began = Number((await source.run({ argv: ['date', '+%s'] }, { signal })).stdout) - marginSeconds
        const since = before === undefined ? [] : [String(before)]
        const args = ['give', dataset.id, destination.address, String(listener.port), ...since] as const
        const said = await onCopy(source, 'a pass of rsync', args, signal)
        const sent = [...said.matchAll(/^Total bytes sent: (\d+)/gm)].map(([, bytes]) => Number(bytes))
        return { bytes: sent.reduce((sum, bytes) => sum + bytes, 0) }
      },
      snapshot: '',
      close: () => listener.close(),
    }
  },
  tidy: async () => {},
}
