import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { raisePriority } from '../../src/probes/priority.ts'

// A workload to probe, in a process of its own so that a test can freeze or kill it:
//   node probe-target.ts http|redis|silent PORT
// Prints the port once it listens (PORT 0: any). `silent` never answers, and has a short backlog.

const [kind, port] = process.argv.slice(2)
const identity = `${process.pid}-${Date.now()}`
let count = 0

function httpServer(): Server {
  return createHttpServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ identity, count: ++count }))
  })
}

/** Just enough Redis for the probes: INCR and ECHO. */
function redisServer(): Server {
  return createServer((socket) => {
    let pending = ''
    // The probes end every connection with an RST.
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1')
      for (;;) {
        const match = /^\*2\r\n\$4\r\n(INCR|ECHO)\r\n\$\d+\r\n(.*?)\r\n/.exec(pending)
        if (match === null) return
        pending = pending.slice(match[0].length)
        const argument = match[2] ?? ''
        socket.write(match[1] === 'INCR' ? `:${++count}\r\n` : `$${argument.length}\r\n${argument}\r\n`)
      }
    })
  })
}

function silentServer(): Server {
  return createServer((socket) => socket.on('error', () => {}))
}

// Whatever else runs here, it goes on at once when it is thawed: what is tested is the measurement.
await raisePriority()
const server = kind === 'http' ? httpServer() : kind === 'redis' ? redisServer() : silentServer()
server.listen({ port: Number(port), host: '127.0.0.1', backlog: kind === 'silent' ? 1 : 511 }, () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
await delay(600_000)
process.exit()
