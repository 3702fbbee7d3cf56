// An environment variable that changes with every invocation. The C library keeps every value that a variable ever had, so this
// one is none of its own: process.env, and the child processes that inherit it, see it all the same.
'use strict'

/** process.env with the variable *name*, and the way to set it; undefined: it is not there. */
function withVariable (name) {
  let value
  const environment = new Proxy(process.env, {
    get: (target, key) => key === name ? value : target[key],
    set: (target, key, given) => {
      if (key === name) value = `${given}`
      else target[key] = given
      return true
    },
    has: (target, key) => key === name ? value !== undefined : key in target,
    deleteProperty: (target, key) => {
      if (key === name) value = undefined
      else delete target[key]
      return true
    },
    ownKeys: (target) => value === undefined ? Reflect.ownKeys(target) : [...Reflect.ownKeys(target), name],
    getOwnPropertyDescriptor: (target, key) => {
      if (key !== name) return Reflect.getOwnPropertyDescriptor(target, key)
      return value === undefined ? undefined : { value, writable: true, enumerable: true, configurable: true }
    },
    defineProperty: (target, key, descriptor) => {
      if (key !== name) return Reflect.defineProperty(target, key, descriptor)
      value = `${descriptor.value}`
      return true
    }
  })
  return { environment, setVariable: (given) => { value = given || undefined } }
}

module.exports = { withVariable }
