import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHostClock } from '../../src/hosts/host-clock.ts'
import { connectHost, type SshHost } from '../../src/hosts/ssh-host.ts'
import type { TestbedState } from '../../src/testbed/state.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

describeOnHosts('hosts over SSH', () => {
  let testbed: TestbedFolder
  let host: SshHost

  beforeAll(async () => {
    testbed = await makeTestbedFolder(2)
    expectExit(await testbed.run('up'), 0)
    host = await testbed.connect('host-a')
  })

  afterAll(async () => {
    host.close()
    await testbed.remove()
  })

  const shell = async (script: string, timeoutMs = 10_000) =>
    (await host.run({ argv: ['sh', '-c', script] }, { timeoutMs })).stdout.trim()
  const addresses = async () => {
    const file = path.join(testbed.path, '.testbed', testbed.name, 'testbed.json')
    const { addresses } = JSON.parse(await readFile(file, 'utf8')) as Required<TestbedState>
    return { a: addresses[0], b: addresses[1] }
  }
  /** Whether a process with that argument runs on the host. */
  const runs = async (argument: string) => (await shell(`pgrep -f -x 'sleep ${argument}' || true`)) !== ''
  const ends = async (argument: string) => {
    for (let n = 0; n < 50 && (await runs(argument)); n += 1) await delay(100)
    return !(await runs(argument))
  }

  test('a host with another key than the pinned one is refused', async () => {
    const { a, b } = await addresses()
    if (a === undefined || b === undefined) throw new Error('there are no addresses')
    await expect(connectHost({ ...a, hostKey: b.hostKey })).rejects.toMatchObject({
      kind: 'testbed',
      parts: { where: 'host-a', why: ['the host shows another key than the one pinned when it was made'] },
    })
  })

  test('an address where nobody answers is an error within its deadline', async () => {
    const { a } = await addresses()
    if (a === undefined) throw new Error('there are no addresses')
    await expect(connectHost({ ...a, port: 9 })).rejects.toMatchObject({
      kind: 'testbed',
      message: `no SSH connection to ${a.host}:9`,
      parts: { where: 'host-a', why: [expect.stringContaining('ECONNREFUSED')] },
    })
    const nobody = { ...a, host: a.host.replace(/\d+$/, '200') }
    await expect(connectHost(nobody, AbortSignal.timeout(500))).rejects.toMatchObject({
      name: 'TimeoutError',
    })
  })

  test('a host that is gone keeps no connection open', async () => {
    const connections = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    await expect.poll(connections, { timeout: 5000 }).toBe(1) // what earlier tests let go of takes a moment
    const gone = await testbed.connect('host-a')
    expect(connections()).toBe(2)
    // The server's side of this connection stands still: it answers nothing any more, not even the goodbye.
    const stop = { argv: ['sh', '-c', 'kill -STOP "$PPID"'] as const }
    await expect(gone.run(stop, { timeoutMs: 1000 })).rejects.toThrow('no end after 1 s')
    expect(connections()).toBe(2)
    gone.close()
    await expect.poll(connections, { timeout: 5000 }).toBe(1)
    await shell('pkill -KILL --runstates T sshd || true')
  })

  test('a command gets every argument as it is', async () => {
    const awkward = [
      '',
      ' ',
      "'",
      '"',
      '\\',
      '\n',
      '\t',
      '$HOME',
      '`id`',
      '*',
      '~',
      '-n',
      '--',
      ';',
      '&&',
      '#',
      '!x',
      '{a,b}',
      'ü€😀',
      '%s',
      'a=b',
    ]
    const { stdout, exitCode } = await host.run({ argv: ['printf', '%s\\0', ...awkward] })
    expect(exitCode).toBe(0)
    expect(stdout.split('\0').slice(0, -1)).toEqual(awkward)
    const env = { AWKWARD: awkward.join(' ') }
    expect((await host.run({ argv: ['printenv', 'AWKWARD'], env })).stdout).toBe(`${env.AWKWARD}\n`)
  })

  test('exit code, stdout and stderr come back apart, and lines as they come', async () => {
    const lines: string[] = []
    const script = 'echo one; echo two >&2; printf three; exit 7'
    const result = await host.run({ argv: ['sh', '-c', script] }, { onLine: (line) => lines.push(line) })
    expect(result).toMatchObject({ exitCode: 7, stdout: 'one\nthree', stderr: 'two\n' })
    expect(lines.sort()).toEqual(['one', 'three', 'two'])
    expect((await host.run({ argv: ['no-such-program'] })).exitCode).toBe(127)
    expect((await host.run({ argv: ['sh', '-c', 'kill -9 $$'] })).exitCode).toBe(128)
  })

  test('input is piped to the command, also when it does not read it', async () => {
    const text = 'x'.repeat(3_000_000)
    const counted = await host.run({ argv: ['wc', '-c'] }, { input: text })
    expect(counted.stdout.trim()).toBe(String(text.length))
    expect((await host.run({ argv: ['true'] }, { input: text })).exitCode).toBe(0)
  })

  test('much output comes whole', async () => {
    const { stdout, stderr } = await host.run({
      argv: ['sh', '-c', 'head -c 5000000 /dev/zero | tr "\\0" a; head -c 300000 /dev/zero | tr "\\0" b >&2'],
    })
    expect([stdout.length, stderr.length]).toEqual([5_000_000, 300_000])
  })

  test('the deadline ends the process on the host', async () => {
    await expect(host.run({ argv: ['sleep', '3001'] }, { timeoutMs: 500 })).rejects.toMatchObject({
      kind: 'testbed',
      message: 'no end after 0.5 s: sleep 3001',
      parts: { where: 'host-a' },
    })
    expect(await ends('3001')).toBe(true)
  })

  test('a host that is emulated has five times as long', async () => {
    const emulated = host.withFacts({ ...host.facts, virtualization: 'qemu' })
    const { exitCode } = await emulated.run({ argv: ['sleep', '0.9'] }, { timeoutMs: 500 })
    expect(exitCode).toBe(0)
    await expect(emulated.run({ argv: ['sleep', '3004'] }, { timeoutMs: 100 })).rejects.toThrow(
      'no end after 0.5 s',
    )
  })

  test('abort ends the process on the host, and its children', async () => {
    const controller = new AbortController()
    const argv = ['sh', '-c', 'sleep 3002 & sleep 3003'] as const
    const running = host.run({ argv }, { signal: controller.signal })
    while (!(await runs('3003'))) await delay(50)
    controller.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
    expect([await ends('3002'), await ends('3003')]).toEqual([true, true])
    await expect(host.run({ argv: ['true'] }, { signal: controller.signal })).rejects.toThrow('enough')
  })

  test('a stream can be ended', async () => {
    const process = await host.stream({ argv: ['sleep', '3004'] })
    process.stdout.resume()
    process.stderr.resume()
    while (!(await runs('3004'))) await delay(50)
    process.kill()
    await process.exit.catch(() => undefined)
    expect(await ends('3004')).toBe(true)
  })

  test('questions and answers of one session go to and fro without waiting for anything', async () => {
    const clock = await openHostClock(host)
    const took: number[] = []
    for (let n = 0; n < 20; n += 1) {
      const asked = performance.now()
      await clock.now()
      took.push(performance.now() - asked)
    }
    clock.close()
    expect(took.sort((a, b) => a - b)[10], 'the median of 20, milliseconds').toBeLessThan(20)
  })

  test('fifty commands at once go through the bounded channels', async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => String(n))
    const results = await Promise.all(
      numbers.map((n) => host.run({ argv: ['sh', '-c', `sleep 0.05; echo ${n}`] })),
    )
    expect(results.map((result) => result.stdout.trim())).toEqual(numbers)
  })

  test('init reaps what others leave behind', async () => {
    await shell('for n in 1 2 3 4 5; do setsid sh -c "sleep 0.1 & exit 0" & done; wait; sleep 0.5')
    expect(await shell("ps -eo stat= | grep -c '^Z' || true")).toBe('0')
    expect(await shell('cat /proc/1/comm')).toBe('tini')
  })

  test('a host has devices, terminals and name spaces of its own', async () => {
    expect(
      await shell('for d in null zero full random urandom tty; do test -c /dev/$d || echo $d; done'),
    ).toBe('')
    expect(await shell('echo x > /dev/null && head -c 4 /dev/zero | wc -c')).toBe('4')
    // Opening the multiplexer and the terminal that it gives works only in a devpts of the host's own.
    const openTerminal = `use Fcntl;
      sysopen(my $multiplexer, "/dev/ptmx", O_RDWR | O_NOCTTY) or die "ptmx: $!";
      my ($number, $zero) = (pack("i", 0), pack("i", 0));
      ioctl($multiplexer, 0x80045430, $number) or die "TIOCGPTN: $!";
      ioctl($multiplexer, 0x40045431, $zero) or die "TIOCSPTLCK: $!";
      sysopen(my $terminal, "/dev/pts/" . unpack("i", $number), O_RDWR | O_NOCTTY) or die "terminal: $!";
      print -t $terminal ? "a terminal" : "none"`
    const opened = await host.run({ argv: ['perl', '-e', openTerminal] })
    expect(opened).toMatchObject({ exitCode: 0, stdout: 'a terminal', stderr: '' })
    expect(await shell('ls -d /proc/[0-9]* | wc -l').then(Number)).toBeLessThan(60)
    const namespaces = 'for n in cgroup ipc mnt net pid uts; do readlink /proc/1/ns/$n; done'
    const other = await testbed.connect('host-b')
    const there = await other.run({ argv: ['sh', '-c', namespaces] })
    other.close()
    const here = new Set((await shell(namespaces)).split('\n'))
    expect(here.size).toBe(6)
    expect(
      there.stdout
        .trim()
        .split('\n')
        .filter((name) => here.has(name)),
    ).toEqual([])
  })

  test('nothing of the machine is mounted in a host', async () => {
    expect(
      await shell(
        'cut -d" " -f5 /proc/self/mountinfo | grep -v -E "^/(proc|sys|dev|run|var/lib/(docker|containerd|containers|migration-testbed))?(/|$)" || true',
      ),
    ).toBe('')
    expect(await shell('ls -d /.machine 2>/dev/null || true')).toBe('')
  })

  test('sshd listens on the management network only', async () => {
    const { mgmtAddress } = (await testbed.resolved()).hosts[0] ?? {}
    expect(await shell("ss -H -l -n -t -p | grep sshd | awk '{ print $4 }'")).toBe(`${mgmtAddress}:22`)
  })

  test('testbed ssh takes arguments and exit code of the command as they are', async () => {
    const said = await testbed.run(
      'ssh',
      'host-b',
      '--',
      'sh',
      '-c',
      'printf "%s|" "$@"; exit 9',
      'sh',
      'a b',
      "c'd",
      '$HOME',
    )
    expect(said).toMatchObject({ exitCode: 9, stdout: "a b|c'd|$HOME|", stderr: '' })
    const unknown = await testbed.run('ssh', 'host-z', '--', 'true')
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' })
    expect(unknown.stderr).toContain('hint  its hosts are host-a, host-b')
  })
})
