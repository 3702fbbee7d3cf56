// The response stream of awslambda.streamifyResponse: a Writable whose bytes leave as frames, as fast as they are taken.
'use strict'

const { Writable } = require('node:stream')
const { KIND, RESPONSE_LIMIT, STREAM_LIMIT, send, sendPieces } = require('./channel.cjs')
const { faults } = require('./errors.cjs')
const { PRELUDE_TYPE } = require('./load.cjs')

class TooLarge extends Error {}

// Bytes that leave as they are written, until the invocation has been answered: what a handler writes later is nobody's.
class Sent {
  constructor () {
    this.begun = false
    this.closed = false
    this.size = 0
  }

  begin (contentType) {
    if (this.begun || this.closed) return
    this.begun = true
    send(KIND.BEGIN, contentType)
  }

  take (data, done) {
    this.size += data.length
    if (this.closed) done(new faults.InvalidStreamingOperation('The invocation is over.'))
    else if (this.size > STREAM_LIMIT) done(new TooLarge())
    else sendPieces(data, done)
  }

  end () {
    send(KIND.END)
  }
}

// Bytes for a caller who did not ask for a stream: all of them are the result. What a handler makes for HTTP is turned into
// what a handler that does not stream would have returned.
class Collected {
  constructor () {
    this.begun = false // never in the caller's sight
    this.closed = false
    this.size = 0
    this.parts = []
  }

  begin (contentType) {
    this.contentType = contentType
  }

  take (data, done) {
    this.size += data.length
    if (this.closed) return done(null)
    if (this.size > RESPONSE_LIMIT) return done(new TooLarge())
    this.parts.push(Buffer.from(data))
    done(null)
  }

  end () {
    const whole = Buffer.concat(this.parts)
    const result = this.contentType === PRELUDE_TYPE ? answered(whole) : whole
    if (Buffer.byteLength(result) > RESPONSE_LIMIT) send(KIND.OVERSIZED)
    else send(KIND.RESULT, '', result)
  }
}

function answered (whole) {
  const end = whole.indexOf(Buffer.alloc(8))
  const body = whole.subarray(end + 8)
  const text = body.toString()
  const isBase64Encoded = !Buffer.from(text).equals(body)
  return JSON.stringify({ ...JSON.parse(whole.subarray(0, end)), body: isBase64Encoded ? body.toString('base64') : text, isBase64Encoded })
}

class ResponseStream extends Writable {
  #sink
  #type = 'application/octet-stream'
  #written = false

  constructor (sink, highWaterMark) {
    super({ highWaterMark: highWaterMark ?? 65536 })
    this.#sink = sink
    this.on('error', () => {}) // whoever pipes into it hears of it; nobody has to
  }

  setContentType (type) {
    if (this.#written) throw new faults.InvalidStreamingOperation('Cannot set content-type, too late.')
    this.#type = String(type)
  }

  write (chunk, encoding, done) {
    this.#first()
    const plain = typeof chunk === 'string' || chunk instanceof Uint8Array || chunk === null || chunk === undefined
    return super.write(plain ? chunk : JSON.stringify(chunk), encoding, done)
  }

  end (chunk, encoding, done) {
    if (typeof chunk === 'function') return this.end(undefined, undefined, chunk)
    if (chunk !== undefined && chunk !== null) this.write(chunk, typeof encoding === 'string' ? encoding : undefined)
    this.#first()
    return super.end(typeof encoding === 'function' ? encoding : done)
  }

  #first () {
    if (this.#written) return
    this.#written = true
    this._onBeforeFirstWrite?.((data) => super.write(data))
  }

  _write (chunk, encoding, done) {
    this.#sink.begin(this.#type)
    this.#sink.take(chunk, done)
  }

  _writev (chunks, done) {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer', done)
  }

  _final (done) {
    this.#sink.begin(this.#type)
    done()
  }
}

// Run a streaming handler; resolves when its answer is complete, rejects with what it throws or TooLarge. *whenDrained* is told
// what to do should nothing be left that could end the stream.
async function run (handler, event, context, sink, whenDrained) {
  const stream = new ResponseStream(sink, handler.highWaterMark)
  const finished = new Promise((resolve, reject) => {
    const unfinished = () => reject(new faults.InvalidStreamingOperation('Response stream is not finished.'))
    stream.on('finish', resolve)
    stream.on('error', reject)
    stream.on('close', unfinished)
    whenDrained(unfinished)
  })
  finished.catch(() => {}) // asked for below, unless the handler fails first
  try {
    const returned = (0, handler.call)(event, stream, context)
    if (typeof returned?.then !== 'function') throw new faults.InvalidStreamingOperation('Streaming does not support non-async handlers.')
    if ((await Promise.race([returned, finished.then(() => returned)])) !== undefined) console.warn('Streaming handlers ignore return values.')
    await finished
  } catch (error) {
    throw stream.errored instanceof TooLarge ? stream.errored : error
  }
}

module.exports = { run, Sent, Collected, TooLarge }
