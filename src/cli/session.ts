/** What every command gets: the signal that Ctrl-C aborts. */
export interface Session {
  readonly signal: AbortSignal
}
