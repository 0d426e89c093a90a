/** One argument as a POSIX shell reads it back unchanged. */
export function quoteArgument(argument: string): string {
  if (/^[A-Za-z0-9_\-+=:,./@%]+$/.test(argument)) return argument
  return `'${argument.replaceAll("'", `'\\''`)}'`
}

/** SSH carries a command as one string for a shell: this is the only place where argv becomes one. */
export function quoteCommand(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const words = assignments.length === 0 ? argv : ['env', ...assignments, ...argv]
  return words.map(quoteArgument).join(' ')
}
