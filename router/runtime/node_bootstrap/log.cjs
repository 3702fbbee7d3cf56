// console as AWS's Node.js runtime has it: time, request id, level, text; or JSON, as AWS_LAMBDA_LOG_FORMAT says, and nothing
// below AWS_LAMBDA_LOG_LEVEL. A record of several lines stays one log event: its
// newlines travel as the environment's separator, which the daemon turns back. process.stdout and process.stderr write at once,
// so that all output keeps its order and belongs to the invocation that made it.
'use strict'

const util = require('node:util')
const { Writable } = require('node:stream')
const { writeAll } = require('./channel.cjs')
const { lines, logged, textOf } = require('./errors.cjs')

const REQUEST_ID = Symbol.for('aws.lambda.runtime.requestId') // where AWS's runtime and its tools keep it
const LEVELS = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' }
const ORDER = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
const isJson = () => process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON'

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

function asText (level, [first, ...more]) { // nothing is logged as undefined
  return `${new Date().toISOString()}\t${globalThis[REQUEST_ID]}\t${level}\t${util.format(first, ...more)}`
}

const named = (error) => ({
  errorType: error?.constructor?.name ?? 'UnknownError',
  errorMessage: error.message,
  stackTrace: typeof error.stack === 'string' ? lines(error.stack) : error.stack
})
const open = (_, value) => value instanceof Error ? { ...named(value), ...value } : value

// One object stays an object; anything else is formatted, and the first error beside it is told in fields of its own.
function asJson (level, message) {
  const record = { timestamp: new Date().toISOString(), level, requestId: globalThis[REQUEST_ID] }
  if (message.length <= 1) {
    try {
      return JSON.stringify({ ...record, message: message[0] }, open)
    } catch {
      return JSON.stringify({ ...record, message: util.format(message[0]) })
    }
  }
  const error = message.slice(1).find((one) => one instanceof Error)
  return JSON.stringify({ ...record, message: util.format(...message), ...(error && named(error)) })
}

// Write the console's lines, and both streams, to descriptor 1 and 2.
function install (separator) {
  replace('stdout', 1)
  replace('stderr', 2)
  const spelled = isJson() ? asJson : asText
  const lowest = ORDER.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase())
  for (const [method, level] of Object.entries(LEVELS)) {
    console[method] = ORDER.indexOf(level) < lowest ? () => {} : (...message) => {
      const text = spelled(level, message)
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
function failed (label, error) {
  if (isJson()) console.error(error instanceof Error ? error : new Error(textOf(error)))
  else console.error(label, `\t${logged(error)}`)
}

module.exports = { install, setRequestId, failed }
