// The hook of shared.cjs, where it runs in a thread of its own.
import missing from './missing.cjs'

let base

export function initialize (data) {
  base = data
}

export async function resolve (specifier, context, next) {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (!missing.packaged(specifier, error)) throw error
    try {
      return await next(specifier, { ...context, parentURL: base })
    } catch {
      throw error
    }
  }
}
