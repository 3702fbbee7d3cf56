// One run of a handler: its context, its callbacks, and the one answer that leaves this process.
'use strict'

const { KIND, RESPONSE_LIMIT, send, afterPieces } = require('./channel.cjs')
const { faults, told, encoded } = require('./errors.cjs')
const { failed } = require('./log.cjs')
const streaming = require('./streaming.cjs')

const soon = setImmediate // whatever a test library does to it
const now = performance.now.bind(performance) // nor does the clock's setting matter
const UNSETTLED = 'The event loop is empty and the handler\'s promise was never settled.'

function parsed (text, name) {
  if (!text) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`)
  }
}

class Invocation {
  // *request*: the meta of its frame; *next*: called once, when this one has been answered.
  constructor (request, next, { modern }) {
    this.id = request.id
    this.answered = false // the handler has said what it is; nothing else counts
    this.whenDrained = () => {} // what to do when the event loop has nothing left
    this.waits = true // callbackWaitsForEmptyEventLoop
    this.sink = null
    this.request = request
    this.next = next
    this.modern = modern
    this.deadline = now() + request.ms
  }

  // Run *handler* for the event in *body*, JSON text.
  start (handler, body) {
    if (handler.streaming) this.#stream(handler, body)
    else this.#call(handler, body)
  }

  #call (handler, body) {
    this.whenDrained = () => {
      if (handler.isAsync) this.fail(new faults.NodeJsExit(UNSETTLED))
      else this.succeed(null)
    }
    try {
      const result = (0, handler.call)(JSON.parse(body), this.#context(), this.#callback)
      if (typeof result?.then === 'function') result.then((value) => this.succeed(value), (error) => this.fail(error ?? 'handled'))
    } catch (error) {
      this.fail(error ?? 'handled')
    }
  }

  #stream (handler, body) {
    this.sink = this.request.stream ? new streaming.Sent() : new streaming.Collected()
    const run = async () => await streaming.run(handler, JSON.parse(body), this.#context(), this.sink, (then) => { this.whenDrained = then })
    run().then(() => this.#answer(() => this.sink.end()), (error) => {
      if (error instanceof streaming.TooLarge) this.#answer(() => send(KIND.OVERSIZED))
      else this.fail(error)
    })
  }

  #callback = (error, result) => {
    if (this.answered) return
    if (error !== undefined && error !== null) return this.fail(error)
    if (!this.waits) return this.succeed(result)
    this.answered = true
    this.whenDrained = () => soon(() => {
      this.answered = false
      this.succeed(result)
    })
  }

  succeed (result) {
    if (this.answered) return
    let text
    try {
      text = JSON.stringify(result) ?? 'null'
    } catch {
      return this.fail(new (this.modern ? faults.JSONStringifyError : Error)('Unable to stringify response body'))
    }
    const size = text.length > RESPONSE_LIMIT / 3 ? Buffer.byteLength(text) : text.length // three bytes a character at most
    this.#answer(() => size > RESPONSE_LIMIT ? send(KIND.OVERSIZED) : send(KIND.RESULT, '', text))
  }

  fail (error) {
    if (this.answered) return
    failed('Invoke Error', error)
    this.#answer(() => this.tell(this.sink?.begun ? KIND.BROKEN : KIND.ERROR, error))
  }

  tell (kind, error) {
    const fault = told(error)
    send(kind, fault.errorType, encoded(fault, RESPONSE_LIMIT))
  }

  #answer (write) {
    if (this.answered) return
    this.answered = true
    this.whenDrained = () => {}
    if (this.sink) this.sink.closed = true
    afterPieces(() => {
      write()
      this.next()
    })
  }

  #context () {
    const { env } = process
    const invocation = this
    const context = {
      get callbackWaitsForEmptyEventLoop () { return invocation.waits },
      set callbackWaitsForEmptyEventLoop (value) { invocation.waits = value },
      functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: env.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: parsed(this.request.client, 'ClientContext'),
      identity: undefined,
      tenantId: undefined,
      invokedFunctionArn: this.request.arn,
      awsRequestId: this.id,
      getRemainingTimeInMillis: () => Math.floor(this.deadline - now())
    }
    if (this.modern || this.sink) return context
    const done = (error, result) => error === undefined || error === null ? this.succeed(result) : this.fail(error)
    return Object.assign(context, { done, succeed: (result) => this.succeed(result), fail: (error) => this.fail(error ?? 'handled') })
  }
}

module.exports = { Invocation }
