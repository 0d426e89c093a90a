#!/usr/bin/env node
// Starts the command line: from src/ in a checkout, where Node runs TypeScript as it is, and from dist/ in the package.
// Under a Node that is too old for that, the one pinned among the development dependencies takes over.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
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
  const ignore = () => {} // the child gets the same signals from the terminal, and ends this process by its own end
  process.on('SIGINT', ignore).on('SIGTERM', ignore)
  const child = spawnSync(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  process.exitCode = child.status ?? 1
} else {
  process.stderr.write(
    `✗ Node ${process.versions.node} is too old\n  hint  use Node 22.18 or later, or run npm ci first\n`,
  )
  process.exitCode = 3
}
