import { createConnection } from 'node:net'

/** What a numbered stream says on one connection, and what has to come back. */
export interface Protocol {
  request(n: number): string
  /** One answer, with the number that it carries as its first group. */
  readonly answer: RegExp
  /** What is wrong with the n-th answer; undefined when nothing. */
  judge(number: string, n: number, before: string | undefined): string | undefined
}

/** Redis counts the requests itself: a lost one leaves a gap, one that was done twice skips a number. */
export const redisStream: Protocol = {
  request: () => 'INCR moves\r\n',
  answer: /^:(\d+)\r\n/,
  judge: (number, n) => (Number(number) === n ? undefined : `answer ${n} is ${number}`),
}

/** On a kept connection answers come in order, one for each request; the count that they tell never goes back. */
export const httpStream: Protocol = {
  request: (n) => `GET /${n} HTTP/1.1\r\nHost: workload\r\n\r\n`,
  answer:
    /^HTTP\/1\.1 200 OK\r\n[^{]*Connection: keep-alive\r\n\r\n\{"identity": "[0-9a-f]+", "count": (\d+)\}\n/,
  judge: (number, n, before) =>
    before === undefined || Number(number) >= Number(before)
      ? undefined
      : `answer ${n} counts ${number}, and the one before counted ${before}`,
}

export interface Stream {
  /** Every way in which the connection or an answer was not as it has to be. */
  readonly faults: readonly string[]
  readonly sent: number
  readonly answered: number
  /** Stops sending; resolves when all that was sent is answered, the connection has failed, or after `ms`. */
  pause(ms: number): Promise<void>
  resume(): void
  close(): void
}

/** One connection for ever: a request each `intervalMs`, whether or not the last one is answered. */
export function openStream(host: string, port: number, protocol: Protocol, intervalMs: number): Stream {
  const socket = createConnection({ host, port, noDelay: true })
  const faults: string[] = []
  let sent = 0
  let answered = 0
  let buffered = ''
  let before: string | undefined
  let closing = false
  let timer: NodeJS.Timeout | undefined
  const send = () => {
    sent += 1
    socket.write(protocol.request(sent))
  }
  const resume = () => {
    timer ??= setInterval(send, intervalMs)
  }
  const stop = () => {
    clearInterval(timer)
    timer = undefined
  }
  socket.setEncoding('latin1').on('data', (text) => {
    buffered += text
    for (let match = protocol.answer.exec(buffered); match !== null; match = protocol.answer.exec(buffered)) {
      buffered = buffered.slice(match[0].length)
      answered += 1
      const [, number = ''] = match
      const fault = protocol.judge(number, answered, before)
      if (fault !== undefined) faults.push(fault)
      before = number
    }
  })
  socket.on('error', (error) => faults.push(`the connection failed: ${error.message}`))
  socket.on('close', () => {
    stop()
    if (!closing) faults.push('the connection was closed')
  })
  socket.once('connect', resume)
  return {
    faults,
    get sent() {
      return sent
    },
    get answered() {
      return answered
    },
    pause: async (ms) => {
      stop()
      const deadline = performance.now() + ms
      while (answered < sent && !socket.destroyed && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    resume,
    close: () => {
      closing = true
      stop()
      socket.destroy()
    },
  }
}
