// Runs shellcheck over every shell script of the project. Without shellcheck on this machine it says so; under CI that fails.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

const scripts = globSync([
  'provision/**/*.sh',
  'testbed/**/*.sh',
  'experiments/**/*.sh',
  'test/**/*.sh',
  '.ci/run',
])
const { error, status } = spawnSync('shellcheck', scripts, { stdio: 'inherit' })
if (error === undefined) {
  process.stdout.write(`shellcheck: ${scripts.length} scripts, ${status === 0 ? 'clean' : 'with findings'}\n`)
  process.exitCode = status ?? 1
} else {
  process.stdout.write('shellcheck: skipped, it is not installed (apt-get install -y shellcheck)\n')
  process.exitCode = process.env.CI === 'true' ? 1 : 0
}
