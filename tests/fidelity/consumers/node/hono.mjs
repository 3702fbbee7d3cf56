// The suite's routes in hono, behind its own aws-lambda adapter.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'
import { getCookie } from 'hono/cookie'
import { guarded, pattern, TEXT } from './edge.mjs'

const digest = (data) => createHash('sha256').update(data).digest('hex')
const plain = { 'content-type': 'text/plain; charset=utf-8' }

const routes = new Hono()

const echo = async (c) => {
  const body = Buffer.from(await c.req.arrayBuffer())
  const url = new URL(c.req.url)
  return c.json({
    method: c.req.method,
    path: decodeURIComponent(url.pathname.split('/echo').slice(1).join('/echo')),
    query: [...url.searchParams],
    probe: (c.req.header('x-probe') ?? '').replaceAll(', ', ','),
    cookies: getCookie(c),
    type: c.req.header('content-type') ?? '',
    length: body.length,
    sha256: digest(body),
    text: body.length < 4096 ? body.toString() : ''
  })
}
routes.all('/echo', echo)
routes.all('/echo/*', echo)

routes.post('/form', async (c) => {
  const fields = []
  const files = {}
  for (const [name, value] of await c.req.formData()) {
    if (typeof value === 'string') fields.push([name, value])
    else {
      const data = Buffer.from(await value.arrayBuffer())
      files[name] = { filename: value.name, length: data.length, sha256: digest(data) }
    }
  }
  return c.json({ fields, files })
})

routes.post('/order', async (c) => {
  const { item, quantity } = await c.req.json()
  if (!Number.isInteger(quantity) || quantity < 1) return c.json({ error: 'quantity' }, 422)
  return c.json({ ordered: quantity, item })
})

routes.post('/mirror', async (c) => c.body(await c.req.arrayBuffer(), 200, { 'content-type': c.req.header('content-type') }))
routes.get('/binary/:size', (c) => c.body(pattern(Number(c.req.param('size'))), 200, { 'content-type': 'application/octet-stream' }))
routes.get('/text', (c) => c.body(TEXT, 200, plain))
routes.get('/latin1', (c) => c.body(Buffer.from('Grüße', 'latin1'), 200, { 'content-type': 'text/plain; charset=iso-8859-1' }))
routes.get('/json', (c) => c.json({ text: TEXT, number: 1.5, none: null }))
routes.get('/gzip', (c) => c.body(gzipSync(TEXT), 200, { 'content-encoding': 'gzip', 'content-type': 'application/json' }))
routes.get('/status/:code', (c) => c.body(`status ${c.req.param('code')}`, Number(c.req.param('code')), plain))
routes.get('/nothing/:code', (c) => c.body(null, Number(c.req.param('code')), { etag: '"v1"' }))
routes.on(['GET', 'POST'], '/redirect/:code', (c) => c.redirect('/elsewhere?a=1&b=2', Number(c.req.param('code'))))
routes.get('/cookies', (c) => {
  c.header('set-cookie', 'session=abc123; Path=/; HttpOnly', { append: true })
  c.header('set-cookie', 'seen=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Path=/', { append: true })
  return c.body('set', 200, plain)
})
routes.get('/headers', (c) => {
  c.header('X-Custom', 'one; two')
  c.header('x-large', 'v'.repeat(6000))
  c.header('cache-control', 'no-store')
  c.header('x-multi', 'one', { append: true })
  c.header('x-multi', 'two', { append: true })
  return c.body('headers', 200, plain)
})
routes.get('/teapot', (c) => c.json({ error: 'teapot' }, 418))
routes.get('/fail', () => { throw new Error('the app failed') })

const app = new Hono({ strict: false })
app.route('/:face', routes)
app.notFound((c) => c.json({ error: 'Not Found' }, 404))
app.onError((error, c) => c.text('Internal Server Error', 500))

export const handler = guarded(handle(app))
