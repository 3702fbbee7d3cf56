// Version 2 of the AWS SDK for JavaScript has no variable for an endpoint, as version 3 has AWS_ENDPOINT_URL: by itself it would call
// AWS with credentials of this daemon. So its defaults are changed as it is loaded; what the function sets itself still counts.
'use strict'

const Module = require('node:module')

const CORE = /\/aws-sdk\/lib\/core\.js$/

function direct ({ Config }, url) {
  Object.assign(Config.prototype.keys, {
    endpoint: () => url,
    s3ForcePathStyle: true, // bucket.127.0.0.1 is no name
    signatureVersion: 'v4' // that of presigned URLs, where it would take version 2
  })
}

// Have the SDK call *url*, from wherever its modules are loaded.
function redirect (url) {
  const load = Module._extensions['.js']
  Module._extensions['.js'] = (module, filename) => {
    load(module, filename)
    if (CORE.test(filename)) direct(module.exports, url)
  }
}

module.exports = { redirect }
