// A handler made of middy's HTTP middlewares: what arrives is told as they leave it.
import { createHash } from 'node:crypto'
import middy from '@middy/core'
import httpHeaderNormalizer from '@middy/http-header-normalizer'
import httpJsonBodyParser from '@middy/http-json-body-parser'
import httpMultipartBodyParser from '@middy/http-multipart-body-parser'
import httpUrlencodeBodyParser from '@middy/http-urlencode-body-parser'

const parsers = { '/json': httpJsonBodyParser, '/form': httpUrlencodeBodyParser, '/multipart': httpMultipartBodyParser }

const answer = (event, value) => {
  const result = { statusCode: 200, body: JSON.stringify(value) }
  return event.headers ? { ...result, headers: { 'content-type': 'application/json' } } : { ...result, multiValueHeaders: { 'content-type': ['application/json'] } }
}

const told = (value) => Buffer.isBuffer(value?.content)
  ? { filename: value.filename, length: value.content.length, sha256: createHash('sha256').update(value.content).digest('hex') }
  : value

const tell = async (event) => answer(event, {
  body: Object.fromEntries(Object.entries(event.body ?? {}).map(([name, value]) => [name, told(value)])),
  probe: event.headers?.['x-probe'] ?? event.multiValueHeaders?.['x-probe']
})

const handlers = Object.fromEntries(Object.entries(parsers).map(([path, parser]) => [
  path, middy(tell).use(httpHeaderNormalizer()).use(parser()).onError(({ error, event }) => ({ ...answer(event, { error: error.message }), statusCode: error.statusCode ?? 500 }))
]))

export const handler = async (event, context) => {
  const path = event.rawPath ?? event.path
  return await handlers[path.slice(path.lastIndexOf('/'))](event, context)
}
