// `node main.cjs SEPARATOR`: what runs in a Node.js worker. Loads the handler, then runs it for one event after another; no
// dependencies. SEPARATOR: letters that stand for newlines inside a log record. The semantics of AWS's Node.js runtime client.
'use strict'

const fs = require('node:fs')
const { KIND, RESPONSE_LIMIT, receive, send, afterPieces } = require('./channel.cjs')
const { faults, told, encoded, textOf } = require('./errors.cjs')
const log = require('./log.cjs')
const { load, provide } = require('./load.cjs')
const { Invocation } = require('./invocation.cjs')
const { redirect } = require('./sdk.cjs')
const { withVariable } = require('./variable.cjs')

const soon = setImmediate // whatever a test library does to it
const TRACE = '_X_AMZN_TRACE_ID'
const EXIT = { rejection: 128, exception: 129, unsettled: 13 } // as there; the last is node's own

const [separator] = process.argv.splice(2)
const modern = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1]) >= 24
const trace = withVariable(TRACE)
process.env = trace.environment
let handler = null // until initialised
let running = null // the invocation, until it is answered
let leaving = false

// Report what nobody caught and end the process: as the answer of what runs, or as the reason why initialising failed.
function leave (label, error, status) {
  if (leaving) return
  leaving = true
  log.failed(label, error)
  afterPieces(() => {
    const fault = told(error)
    if (handler === null) send(KIND.INIT_ERROR, fault.errorType, encoded(fault, RESPONSE_LIMIT))
    else if (running !== null) send(KIND.FATAL, fault.errorType, encoded(fault, RESPONSE_LIMIT))
    process.exit(status)
  })
}

function setTrace (value) {
  if (process.env === trace.environment) trace.setVariable(value)
  else if (value) process.env[TRACE] = value // an object of the function's
  else delete process.env[TRACE]
}

// Wait for an event and run it; the next one a turn of the event loop after its answer, as on AWS.
function next () {
  if (leaving) return
  const { meta, body } = receive()
  const [id, arn, ms, traced, client, stream] = JSON.parse(meta)
  const request = { id, arn, ms, client, stream }
  log.setRequestId(id)
  setTrace(traced)
  running = new Invocation(request, () => {
    running = null
    soon(next)
  }, { modern })
  running.start(handler, body)
}

function drained () {
  if (handler === null) process.exit(EXIT.unsettled)
  running?.whenDrained()
}

process.on('uncaughtException', (error) => leave('Uncaught Exception', error, EXIT.exception))
process.on('unhandledRejection', (reason) => {
  const error = new faults.UnhandledPromiseRejection(textOf(reason))
  leave('Unhandled Promise Rejection', Object.assign(error, { reason }), EXIT.rejection)
})
process.on('beforeExit', drained)
process.on('SIGUSR1', () => {}) // a peer of the same user could have node open its debugger's port by it
try {
  fs.writeFileSync('/proc/self/comm', `fn:${process.env.AWS_LAMBDA_FUNCTION_NAME}`.slice(0, 15))
} catch {} // a name is a convenience
log.install(separator)
provide()
if (process.env.AWS_ENDPOINT_URL) redirect(process.env.AWS_ENDPOINT_URL)
load(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, { callbacks: !modern }).then((found) => {
  soon(() => { // after what the module left unhandled has been told
    if (leaving) return
    handler = found
    send(KIND.READY)
    soon(next)
  })
}, (error) => leave('Uncaught Exception', error, EXIT.exception))
