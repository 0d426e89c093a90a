import type { Argv } from '../core/process.ts'

/**
 * Overlay layers hold deletions and opaque folders in extended attributes and device nodes: all of it has to come along. The folder
 * follows; what is packed of it comes last.
 */
export const packLayer: Argv = ['tar', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-c', '-C']
export const unpackLayer: Argv = ['tar', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-x', '-C']
