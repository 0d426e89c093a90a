import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'] },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          // Real hosts share two bridges, one cache and the machine's cores: one file at a time.
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'crashes',
          include: ['test/crashes/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 20 * 60_000,
          hookTimeout: 10 * 60_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          pool: 'forks', // the working folder is the testbed's
          fileParallelism: false,
          testTimeout: 10 * 60_000,
          hookTimeout: 10 * 60_000,
        },
      },
      {
        test: {
          name: 'moves',
          include: ['test/moves/**/*.test.ts'],
          pool: 'forks', // the working folder is the testbed's
          fileParallelism: false,
          testTimeout: 10 * 60_000,
          hookTimeout: 10 * 60_000,
        },
      },
      {
        test: {
          name: 'kubeadm',
          include: ['test/kubeadm/**/*.test.ts'],
          // Builds kubeadm first.
          testTimeout: 20 * 60_000,
          hookTimeout: 40 * 60_000,
        },
      },
      {
        test: {
          name: 'vm-volumes',
          include: ['test/vm-volumes/**/*.test.ts'],
          // Builds ZFS for the guests' kernel first.
          testTimeout: 20 * 60_000,
          hookTimeout: 40 * 60_000,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          // Real Vagrant on a libvirt of its own. Emulated machines take minutes to boot.
          globalSetup: './test/vm/libvirt.ts',
          fileParallelism: false,
          testTimeout: 20 * 60_000,
          hookTimeout: 20 * 60_000,
        },
      },
    ],
  },
})
