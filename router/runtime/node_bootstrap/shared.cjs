// Packages that an operator installed for all functions. `require` finds them by NODE_PATH, which `import` does not read: Lambda's
// own SDK is found by both.
'use strict'

const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { packaged } = require('./missing.cjs')

// What a module of the function's imports and neither it nor a directory above it has is looked for in *directory*.
function share (directory) {
  if (!directory || !fs.existsSync(path.join(directory, 'node_modules'))) return
  const base = pathToFileURL(`${directory}/`).href
  if (!Module.registerHooks) { // before node 22.15: hooks run in a thread of their own
    Module.register?.(pathToFileURL(path.join(__dirname, 'shared.mjs')), { data: base })
    return
  }
  Module.registerHooks({
    resolve (specifier, context, next) {
      try {
        return next(specifier, context)
      } catch (error) {
        if (!packaged(specifier, error)) throw error
        try {
          return next(specifier, { ...context, parentURL: base })
        } catch {
          throw error
        }
      }
    }
  })
}

module.exports = { share }
