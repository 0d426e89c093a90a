import { expect, test } from 'vitest'
import type { ResolvedWorkload } from '../../../src/config/resolved.ts'
import { deployment, endpointsAt, pick, service } from '../../../src/toolchains/kubernetes/objects.ts'

const workload = { port: 8080, command: [], environment: {} } as unknown as ResolvedWorkload

test('a service selects all pods of the trial, one of them, or none', () => {
  expect(service(workload, '10.0.0.9').spec).toMatchObject({
    selector: { 'migration-testbed': 'trial' },
    externalIPs: ['10.0.0.9'],
  })
  expect(service(workload, '10.0.0.9', pick('one')).spec).toMatchObject({ selector: { pod: 'one' } })
  expect(service(workload, '10.0.0.9', 'none').spec).not.toHaveProperty('selector')
})

test('what is behind a service that selects none goes by its name', () => {
  const { metadata } = service(workload, '10.0.0.9', 'none')
  const slice = endpointsAt(workload, '10.244.1.2')
  expect(slice.metadata.labels['kubernetes.io/service-name']).toBe(metadata.name)
  expect(service(workload, '10.0.0.9').metadata.name).not.toBe(metadata.name)
})

test('a replica goes to no other node than those of its trial', () => {
  const { template } = deployment({ workload, image: 'hello', nodes: ['host-a', 'host-b'] }).spec as {
    template: { spec: object }
  }
  const expressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['host-a', 'host-b'] }]
  expect(template.spec).toMatchObject({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: expressions }],
        },
      },
    },
  })
})
