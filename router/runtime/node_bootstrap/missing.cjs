// Whether *error* says that a package is not found, and not a file.
'use strict'

const NOT_FOUND = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'])

function packaged (specifier, error) {
  return NOT_FOUND.has(error?.code) && /^(@[^/]+\/)?[^./#][^:]*$/.test(specifier)
}

module.exports = { packaged }
