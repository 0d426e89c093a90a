import type { Reporter, TestModule } from 'vitest/node'

/** Last words of a test run: what was skipped and why, then one plain line with the counts. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const results = tests.map((test) => ({ name: test.fullName, result: test.result() }))
    const count = (state: string) => results.filter(({ result }) => result.state === state).length
    const skipped = results.flatMap(({ name, result }) =>
      result.state === 'skipped' ? [`skipped: ${name} (${result.note ?? 'no reason given'})`] : [],
    )
    // A file that could not even be loaded has no tests of its own to count.
    const broken = modules.filter(
      (module) => module.state() === 'failed' && [...module.children.allTests()].length === 0,
    )
    const line = `${count('passed')} passed, ${count('failed') + broken.length} failed, ${skipped.length} skipped`
    process.stdout.write(`${[...skipped, line].join('\n')}\n`)
  }
}
