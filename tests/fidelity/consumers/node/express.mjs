// The suite's routes in express, behind @codegenie/serverless-express.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import serverlessExpress from '@codegenie/serverless-express'
import { Busboy } from '@fastify/busboy'
import express from 'express'
import { guarded, pattern, TEXT } from './edge.mjs'

const digest = (data) => createHash('sha256').update(data).digest('hex')
const whole = express.raw({ type: () => true, limit: '20mb' })
const bodyOf = (req) => Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)

const routes = express.Router({ mergeParams: true })

routes.all('/echo{*rest}', whole, (req, res) => {
  const body = bodyOf(req)
  const query = new URLSearchParams(req.url.split('?')[1] ?? '')
  const cookies = (req.get('cookie') ?? '').split(';').map((pair) => pair.trim()).filter(Boolean)
  res.json({
    method: req.method,
    path: decodeURIComponent(req.path.slice('/echo'.length)),
    query: [...query],
    probe: (req.get('x-probe') ?? '').replaceAll(', ', ','),
    cookies: Object.fromEntries(cookies.map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)])),
    type: req.get('content-type') ?? '',
    length: body.length,
    sha256: digest(body),
    text: body.length < 4096 ? body.toString() : ''
  })
})

routes.post('/form', (req, res, next) => {
  const fields = []
  const files = {}
  if (!req.get('content-type').startsWith('multipart/')) {
    return express.text({ type: () => true })(req, res, () => res.json({ fields: [...new URLSearchParams(req.body)], files }))
  }
  const busboy = new Busboy({ headers: req.headers })
  busboy.on('field', (name, value) => fields.push([name, value]))
  busboy.on('file', (name, stream, filename) => {
    const chunks = []
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('end', () => {
      const data = Buffer.concat(chunks)
      files[name] = { filename, length: data.length, sha256: digest(data) }
    })
  })
  busboy.on('finish', () => res.json({ fields, files }))
  busboy.on('error', next)
  req.pipe(busboy)
})

routes.post('/order', express.json(), (req, res) => {
  if (!Number.isInteger(req.body.quantity) || req.body.quantity < 1) return res.status(422).json({ error: 'quantity' })
  res.json({ ordered: req.body.quantity, item: req.body.item })
})

routes.post('/mirror', whole, (req, res) => res.set('content-type', req.get('content-type')).end(bodyOf(req)))
routes.get('/binary/:size', (req, res) => res.type('application/octet-stream').send(pattern(Number(req.params.size))))
routes.get('/text', (req, res) => res.type('text/plain; charset=utf-8').send(TEXT))
routes.get('/latin1', (req, res) => res.set('content-type', 'text/plain; charset=iso-8859-1').end(Buffer.from('Grüße', 'latin1')))
routes.get('/json', (req, res) => res.json({ text: TEXT, number: 1.5, none: null }))
routes.get('/gzip', (req, res) => res.set({ 'content-encoding': 'gzip', 'content-type': 'application/json' }).end(gzipSync(TEXT)))
routes.get('/status/:code', (req, res) => res.status(Number(req.params.code)).type('text/plain; charset=utf-8').send(`status ${req.params.code}`))
routes.get('/nothing/:code', (req, res) => res.status(Number(req.params.code)).set('etag', '"v1"').end())
routes.all('/redirect/:code', (req, res) => res.redirect(Number(req.params.code), '/elsewhere?a=1&b=2'))
routes.get('/cookies', (req, res) => {
  res.append('set-cookie', 'session=abc123; Path=/; HttpOnly')
  res.append('set-cookie', 'seen=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/')
  res.type('text/plain; charset=utf-8').send('set')
})
routes.get('/headers', (req, res) => {
  res.set({ 'X-Custom': 'one; two', 'x-large': 'v'.repeat(6000), 'cache-control': 'no-store', 'x-multi': ['one', 'two'] })
  res.type('text/plain; charset=utf-8').send('headers')
})
routes.get('/teapot', (req, res) => res.status(418).json({ error: 'teapot' }))
routes.get('/fail', () => { throw new Error('the app failed') })

const app = express()
app.disable('x-powered-by')
app.disable('etag')
app.use('/:face', routes)
app.use((req, res) => res.status(404).json({ error: 'Not Found' }))
app.use((error, req, res, next) => res.status(error.status ?? 500).type('text/plain').send('Internal Server Error'))

const binarySettings = { contentTypes: ['image/*', 'application/octet-stream', 'multipart/*'], contentEncodings: ['gzip'] }
export const handler = guarded(serverlessExpress({ app, binarySettings }))
