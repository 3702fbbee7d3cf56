// console as AWS's Node.js runtime has it: time, request id, level, text. A record of several lines stays one log event: its
// newlines travel as the environment's separator, which the daemon turns back. process.stdout and process.stderr write at once,
// so that all output keeps its order and belongs to the invocation that made it.
'use strict'

const util = require('node:util')
const { Writable } = require('node:stream')
const { writeAll } = require('./channel.cjs')
const { logged } = require('./errors.cjs')

const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId') // where AWS's runtime and its tools keep it
const LEVELS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' }

function output (fd) {
  const stream = new Writable({
    decodeStrings: true,
    write (chunk, encoding, done) {
      try {
        writeAll(fd, chunk)
        done()
      } catch (error) {
        done(error)
      }
    }
  })
  stream._destroy = (error, done) => done(error) // the descriptor stays open
  stream.destroySoon = stream.destroy
  return Object.assign(stream, { fd, _type: 'pipe', _isStdio: true })
}

function replace (name, fd) {
  let stream
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => (stream ??= output(fd)) })
}

// Write the console's lines, and both streams, to descriptor 1 and 2.
function install (separator) {
  replace('stdout', 1)
  replace('stderr', 2)
  for (const [method, level] of Object.entries(LEVELS)) {
    console[method] = (...message) => {
      const text = `${new Date().toISOString()}\t${globalThis[REQUEST_ID]}\t${level}\t${util.format(...message)}`
      try {
        writeAll(1, Buffer.from(`${text.replaceAll('\n', separator)}\n`))
      } catch {} // a handler that has closed its output
    }
  }
}

function setRequestId (id) {
  globalThis[REQUEST_ID] = id
}

// A failure of the handler or of its module; *label* is AWS's.
const failed = (label, error) => console.error(label, `\t${logged(error)}`)

module.exports = { install, setRequestId, failed }
