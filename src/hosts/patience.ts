import type { Facts } from './facts.ts'

/** An emulator computes every instruction of the host: what a machine does in a second may take many there. */
export const emulatedPatience = 5

/** By how much longer than on a machine a command may take on a host; 1 where its facts are not known yet. */
export const patienceWith = ({ virtualization }: Pick<Facts, 'virtualization'>): number =>
  virtualization === 'qemu' ? emulatedPatience : 1
