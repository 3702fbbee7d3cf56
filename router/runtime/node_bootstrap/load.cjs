// From a handler's name to the function: `directory/module.nested.name`, in the order in which AWS's Node.js runtime looks.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { faults, lines } = require('./errors.cjs')
const { share } = require('./shared.cjs')

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')
const TYPESCRIPT = Number(process.versions.node.split('.')[0]) >= 24
const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response'

// The global that functions reach streaming by.
function provide () {
  globalThis.awslambda = {
    streamifyResponse (handler, options) {
      handler[STREAMING] = 'response'
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark)
      return handler
    },
    HttpResponseStream: class HttpResponseStream {
      static from (stream, prelude) {
        stream.setContentType(PRELUDE_TYPE)
        const text = JSON.stringify(prelude ?? {})
        stream._onBeforeFirstWrite = (write) => {
          write(text)
          write(new Uint8Array(8))
        }
        return stream
      }
    }
  }
}

// Whether files named .js below this directory are ES modules: the nearest package.json says so.
function isModuleScope (directory) {
  for (let at = directory; !at.endsWith('/node_modules'); at = path.dirname(at)) {
    const file = path.join(at, 'package.json')
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8'))?.type === 'module'
      } catch (error) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error)
        return false
      }
    }
    if (at === path.dirname(at)) break
  }
  return false
}

const required = (file) => require(file)
const imported = (file) => {
  share(process.env.LAMBDA_RUNTIME_DIR)
  return import(pathToFileURL(file).href)
}

function candidates (stem) {
  const scope = isModuleScope(path.dirname(stem))
  const found = [['', required], ['.js', scope ? imported : required], ['.mjs', imported], ['.cjs', required]]
  return TYPESCRIPT ? [...found, ['.ts', scope ? imported : required], ['.mts', imported], ['.cts', required]] : found
}

async function moduleOf (root, directory, name) {
  const stem = path.resolve(root, directory, name)
  for (const [extension, load] of candidates(stem)) {
    const file = stem + extension
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return await load(file)
  }
  return require(require.resolve(name, { paths: [root, path.join(root, directory)] }))
}

async function userModule (root, directory, name) {
  try {
    return await moduleOf(root, directory, name)
  } catch (error) {
    if (error instanceof SyntaxError) {
      const fault = new faults.UserCodeSyntaxError(String(error))
      if (typeof error.stack === 'string') fault.stack = `${fault.name}: ${error}\n${error.stack}` // the place is in it
      throw fault
    }
    if (error?.code === 'MODULE_NOT_FOUND') throw new faults.ImportModuleError(lines(String(error)).join('\n'))
    throw error
  }
}

// {call, streaming, highWaterMark, isAsync} of a handler. Rejects with a fault, or with what the module throws.
async function load (root, handler, { callbacks }) {
  if (handler.includes('..')) {
    throw new faults.MalformedHandlerName(`'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`)
  }
  const base = path.basename(handler)
  const [, name, nested] = /^([^.]*)\.(.*)$/.exec(base) ?? []
  if (!name || !nested) throw new faults.MalformedHandlerName('Bad handler')
  const found = await userModule(root, handler.slice(0, handler.length - base.length), name)
  const call = nested.split('.').reduce((holder, key) => holder && holder[key], found)
  if (!call) throw new faults.HandlerNotFound(`${handler} is undefined or not exported`)
  if (typeof call !== 'function') throw new faults.HandlerNotFound(`${handler} is not a function`)
  if (call[STREAMING] && call[STREAMING] !== 'response') throw new faults.MalformedStreamingHandler('Only response streaming is supported.')
  if (!callbacks && call.length >= 3 && !call[STREAMING]) {
    throw new faults.CallbackHandlerDeprecated('nodejs24.x and later have no callbacks: make the handler async, or return a promise')
  }
  return { call, streaming: Boolean(call[STREAMING]), highWaterMark: call[HIGH_WATER_MARK], isAsync: call.constructor?.name === 'AsyncFunction' }
}

module.exports = { load, provide, PRELUDE_TYPE }
