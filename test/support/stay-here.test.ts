// The guard that every test runs under.

import { connect, type LookupFunction, type NetConnectOpts } from 'node:net'
import { expect, it } from 'vitest'

/** An address of documentation (RFC 5737): nobody answers there. */
const ELSEWHERE = '203.0.113.9'

const open = (options: NetConnectOpts): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(options)
    socket.on('error', (error) => resolve(error.message))
    socket.on('connect', () => resolve('connected'))
  })

it('lets no connection out by address, by name or by fetch', async () => {
  const lookup: LookupFunction = (_name, _options, done) => done(null, [{ address: ELSEWHERE, family: 4 }])
  const refused = `a test must not connect to ${ELSEWHERE}`
  expect(await open({ port: 443, host: ELSEWHERE })).toBe(refused)
  expect(await open({ port: 443, host: 'somewhere.test', lookup })).toBe(refused)
  await expect(fetch(`https://${ELSEWHERE}/`)).rejects.toMatchObject({ cause: { message: refused } })
})

it('leaves loopback alone', async () => {
  expect(await open({ port: 1, host: '127.0.0.1' })).toContain('ECONNREFUSED')
  expect(await open({ port: 1, host: 'localhost' })).not.toContain('must not')
})
