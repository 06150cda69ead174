// Two things that SAP Gateway does and CAP does not: it asks for a CSRF token on every write, and here
// it listens on loopback only.
const cds = require('@sap/cds')
const crypto = require('crypto')

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])
const tokens = new Set()

function csrf (req, res, next) {
  if (!req.path.startsWith('/sap/opu/')) return next()
  const token = req.headers['x-csrf-token'] || ''
  if (token.toLowerCase() === 'fetch') {
    const fresh = crypto.randomBytes(16).toString('base64')
    tokens.add(fresh)
    res.set('x-csrf-token', fresh)
  } else if (!reading.has(req.method) && !tokens.has(token)) {
    // The V2 adapter calls V4 with the headers it got, so that a valid token passes both.
    return res.set('x-csrf-token', 'Required').status(403).send('CSRF token validation failed')
  }
  next()
}

cds.on('bootstrap', app => {
  const listen = app.listen.bind(app)
  app.listen = port => listen(port, '127.0.0.1')
  app.use(csrf)
})

module.exports = cds.server
