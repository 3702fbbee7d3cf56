// What went wrong, as AWS's Node.js runtime tells it: error objects for callers, one line of JSON for the log.
'use strict'

const { types } = require('node:util')

const KINDS = [
  'CallbackHandlerDeprecated', 'HandlerNotFound', 'ImportModuleError', 'InvalidStreamingOperation', 'JSONStringifyError',
  'MalformedHandlerName', 'MalformedStreamingHandler', 'NodeJsExit', 'UnhandledPromiseRejection', 'UserCodeSyntaxError'
]
const faults = {}
for (const kind of KINDS) {
  faults[kind] = class extends Error {}
  faults[kind].prototype.name = `Runtime.${kind}`
}

const LOST = 'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack'
const isError = (value) => types.isNativeError(value) || (value && ['name', 'message', 'stack'].every((key) => value[key] && typeof value[key] === 'string'))

// Stack or message without the lines that are about this directory: they are no caller's business.
const lines = (text) => text.split('\n').filter((line) => !line.includes(__dirname))

const escaped = (text) => String(text).replaceAll('\x7f', '%7F') // no header could carry it

// The error object that a caller gets; never throws, whatever was thrown.
function told (error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: error.toString(), trace: [] }
    return { errorType: escaped(error.name), errorMessage: escaped(error.message), trace: lines(escaped(error.stack)) }
  } catch {
    return { errorType: 'handled', errorMessage: LOST }
  }
}

// An error object as JSON of *limit* characters at most, or nearly.
function encoded (fault, limit) {
  const text = JSON.stringify(fault)
  if (text.length <= limit / 3) return text // three bytes a character at most
  return Buffer.byteLength(text) <= limit ? text : JSON.stringify({ ...fault, errorMessage: fault.errorMessage.slice(0, 65536), trace: [] })
}

const open = (value) => {
  if (!(value instanceof Error)) return value
  const found = { errorType: value.name, errorMessage: value.message, code: value.code, ...value }
  if (typeof value.stack === 'string') found.stack = lines(value.stack)
  return found
}

// An error as one line of JSON with all that its maker put on it.
function logged (error) {
  const value = error instanceof Error ? error : new Error(textOf(error))
  try {
    return JSON.stringify(value, (_, inner) => open(inner))
  } catch {
    return JSON.stringify(told(value))
  }
}

// A thrown value as text; never throws.
function textOf (value) {
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

module.exports = { faults, lines, told, encoded, logged, textOf }
