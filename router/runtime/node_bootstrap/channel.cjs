// The worker's end of the frames (frames.py): requests on descriptor 3, answers on descriptor 4.
'use strict'

const fs = require('node:fs')

const REQUESTS = 3
const RESPONSES = 4
const KIND = { INVOKE: 1, READY: 2, RESULT: 3, ERROR: 4, INIT_ERROR: 5, OVERSIZED: 6, BEGIN: 7, PIECE: 8, END: 9, BROKEN: 10, FATAL: 12 }
const RESPONSE_LIMIT = 6 * 1024 * 1024 + 100 // bytes of a whole answer
const STREAM_LIMIT = 200 * 1024 * 1024 // bytes of a streamed one
const HEADER = 13 // bytes: kind, memory in KiB, bytes of meta, bytes of body
const CHUNK = 65536 // bytes
const PIECE_SIZE = CHUNK - HEADER

const arrived = Buffer.allocUnsafeSlow(CHUNK)
const leaving = Buffer.allocUnsafeSlow(CHUNK)
let writing = false // a piece is being written by another thread
const waiting = [] // what comes after it

// Bytes into buffer from *at*; the daemon's end of the channel ends this process.
function read (buffer, at) {
  for (;;) {
    try {
      const size = fs.readSync(REQUESTS, buffer, at, buffer.length - at, null)
      if (size === 0) process.reallyExit(0)
      return size
    } catch (error) {
      if (error.code !== 'EINTR') throw error
    }
  }
}

// The next event: {meta, body}, valid until the next call. Blocks: until it comes, nothing in this thread runs, as in a frozen
// environment on AWS; timers that fell due meanwhile fire afterwards.
function receive () {
  let have = read(arrived, 0)
  while (have < HEADER) have += read(arrived, have)
  const start = HEADER + arrived.readUInt32BE(5)
  const end = start + arrived.readUInt32BE(9)
  let frame = arrived
  if (end > have) {
    frame = Buffer.allocUnsafe(end)
    arrived.copy(frame, 0, 0, have)
    while (have < end) have += read(frame, have)
  }
  return { meta: frame.toString('utf8', HEADER, start), body: frame.toString('utf8', start, end) }
}

function head (buffer, kind, meta, body) {
  buffer[0] = kind
  buffer.writeUInt32BE(process.resourceUsage().maxRSS, 1)
  buffer.writeUInt32BE(meta, 5)
  buffer.writeUInt32BE(body, 9)
}

// Write all of it to a descriptor that may have been made non-blocking by a child that shares it.
function writeAll (fd, data, end = data.length) {
  let at = 0
  while (at < end) {
    try {
      at += fs.writeSync(fd, data, at, end - at)
    } catch (error) {
      if (error.code !== 'EAGAIN' && error.code !== 'EINTR') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

// Send a frame; meta is text, body is text or a Buffer.
function send (kind, meta = '', body = '') {
  const [metaSize, bodySize] = [Buffer.byteLength(meta), Buffer.byteLength(body)]
  const size = HEADER + metaSize + bodySize
  const frame = size > CHUNK ? Buffer.allocUnsafe(size) : leaving
  head(frame, kind, metaSize, bodySize)
  frame.write(meta, HEADER)
  if (typeof body === 'string') frame.write(body, HEADER + metaSize)
  else body.copy(frame, HEADER + metaSize)
  writeAll(RESPONSES, frame, size)
}

// Send bytes as pieces without blocking this thread; then(error) once the daemon has taken them, which is the back-pressure.
function sendPieces (data, then) {
  writing = true
  let at = 0
  const step = () => {
    if (at >= data.length) return finished(then)
    const piece = data.subarray(at, at + PIECE_SIZE)
    const frame = Buffer.allocUnsafe(HEADER + piece.length)
    head(frame, KIND.PIECE, 0, piece.length)
    piece.copy(frame, HEADER)
    at += piece.length
    rest(frame, 0, step, then)
  }
  step()
}

function rest (frame, at, step, then) {
  fs.write(RESPONSES, frame, at, frame.length - at, null, (error, written) => {
    if (error && error.code !== 'EINTR') return finished(() => then(error))
    const next = at + (error ? 0 : written)
    return next < frame.length ? rest(frame, next, step, then) : step()
  })
}

function finished (then) {
  writing = false
  then(null)
  while (!writing && waiting.length) waiting.shift()()
}

// Call it once no piece is being written: a frame in between would be torn.
function afterPieces (call) {
  if (writing) waiting.push(call)
  else call()
}

module.exports = { KIND, RESPONSE_LIMIT, STREAM_LIMIT, PIECE_SIZE, receive, send, sendPieces, afterPieces, writeAll }
