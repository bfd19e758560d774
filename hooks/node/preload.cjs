// Loaded by every Node under `weir exec` (NODE_OPTIONS), into programs that are not ours: it does one thing, says nothing,
// and touches no host but the exchanges'. A TLS connection that the program opens to one of them itself goes to weir
// instead, which reads in the ClientHello the exchange's name, and the bot's among the protocols that it offers; a connection
// inside a proxy's tunnel is left where it is.
'use strict'

const { WEIR_TRANSPARENT = '', WEIR_HOSTS = '', WEIR_CA_FILE = '', HTTPS_PROXY = '' } = process.env
const [, weirHost, weirPort] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(WEIR_TRANSPARENT) ?? []
const hosts = new Set(WEIR_HOSTS.split(',').filter(Boolean))
const [, user = ''] = /^http:\/\/([^:@/]+)[^@/]*@/.exec(HTTPS_PROXY) ?? []

if (weirHost !== undefined && hosts.size > 0) {
  const tls = require('node:tls')
  const connect = tls.connect

  tls.connect = function (...args) {
    let led
    try {
      led = lead(args)
    } catch {
      // Whatever it is, the program's own call shall fail or succeed.
    }
    return led === undefined ? connect.apply(this, args) : connect.call(this, ...led)
  }
  // For those who wrote `import { connect } from 'node:tls'`.
  require('node:module').syncBuiltinESMExports()
}

/** The arguments that lead an exchange's connection to weir; undefined when it is none of weir's. */
function lead(args) {
  const given = {}
  let callback
  for (const arg of args) {
    if (typeof arg === 'function') callback = arg
    else if (typeof arg === 'object' && arg !== null) Object.assign(given, arg)
    else if (given.port === undefined && /^\d+$/.test(String(arg))) given.port = arg
    else if (typeof arg === 'string') given.host = arg
  }
  const name = String(given.servername || given.host || given.hostname || '').toLowerCase()
  if (!hosts.has(name) || given.path) return undefined
  const options = { ...given, servername: name, ...trusting(given) }
  if (given.socket === undefined || given.socket === null) {
    if (given.port !== undefined && Number(given.port) !== 443) return undefined
    const ALPNProtocols = naming(given.ALPNProtocols)
    Object.assign(options, { host: weirHost, port: Number(weirPort), localAddress: undefined, lookup: undefined })
    if (ALPNProtocols !== undefined) Object.assign(options, { ALPNProtocols })
  }
  return callback === undefined ? [options] : [options, callback]
}

/** Protocols to offer, the bot's name behind them: no proxy user tells it here. Undefined where it can not be added. */
function naming(protocols = ['http/1.1']) {
  const name = `weir-bot/${user}`
  // The longest that RFC 7301 (section 3.1) allows.
  if (user === '' || name.length > 255 || !Array.isArray(protocols)) return undefined
  return [...protocols, name]
}

let ca

/** weir's root, where the program brings roots of its own; elsewhere NODE_EXTRA_CA_CERTS has seen to it. */
function trusting({ ca: own, secureContext }) {
  if (own === undefined && secureContext === undefined) return {}
  ca ??= require('node:fs').readFileSync(WEIR_CA_FILE, 'utf8')
  secureContext?.context.addCACert(ca)
  return own === undefined ? {} : { ca: [own, ca].flat() }
}
