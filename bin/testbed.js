#!/usr/bin/env node
// Starts the command line: from src/ in a checkout, where Node runs TypeScript as it is, and from dist/ in the package.
// Under a Node that is too old for that, the one pinned among the development dependencies takes over.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const source = new URL('../src/cli/main.ts', import.meta.url)
const entry = existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url)
const pinned = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))

if (major > 22 || (major === 22 && minor >= 18)) {
  module.enableCompileCache?.() // half of a short command's time is stripping types from the same files
  const { main } = await import(entry.href)
  await main(process.argv)
} else if (existsSync(pinned)) {
  // It ends with this process, however that ends, and hears of the signals that only this process was sent.
  const argv = [pinned, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const tie = ['setpriv', '--pdeathsig', 'KILL', '--']
  const [program, ...args] = existsSync('/usr/bin/setpriv') ? [...tie, ...argv] : argv
  const child = spawn(program, args, { stdio: 'inherit' })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal]
  })
} else {
  process.stderr.write(
    `✗ Node ${process.versions.node} is too old\n  hint  use Node 22.18 or later, or run npm ci first\n`,
  )
  process.exitCode = 3
}
