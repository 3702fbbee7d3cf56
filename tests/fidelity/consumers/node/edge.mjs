// What stands between the gateway and a framework in every app: a handler that crashes, exits or answers nonsense on request.
export const PATTERN = Buffer.alloc(1024, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))
export const TEXT = 'Grüße, 世界 😀'

export const pattern = (size) => Buffer.alloc(size, PATTERN)

export const guarded = (handler) => async (event, context) => {
  const headers = event.headers ?? Object.fromEntries(Object.entries(event.multiValueHeaders ?? {}).map(([name, values]) => [name, values.at(-1)]))
  const wish = Object.entries(headers).find(([name]) => name.toLowerCase() === 'x-edge')?.[1]
  if (wish === 'crash') throw new Error('the handler crashed')
  if (wish === 'exit') process.exit(3)
  if (wish === 'malformed') return { statusCode: 'no number', body: 'x' }
  return await handler(event, context)
}
