/** As Promise.all, but nothing is under way any more when it rejects: what follows takes back what the others did. */
export async function allEnded<Results extends readonly unknown[]>(
  promises: {
    readonly [Index in keyof Results]: Promise<Results[Index]>
  },
): Promise<Results> {
  await Promise.allSettled(promises)
  return (await Promise.all(promises)) as unknown as Results
}
