// Which fields of an answer are the bot's, and which belonged to one connection only.

import { describe, expect, it } from 'vitest'
import { endToEnd, reasonPhrase } from '../../src/forward/headers.ts'

const raw = (...fields: string[]): Buffer[] => fields.map((field) => Buffer.from(field, 'latin1'))

describe('fields of an answer', () => {
  it('keep their order, case and repeats', () => {
    const fields = ['Date', 'now', 'SET-cookie', 'a=1', 'x-B', '2', 'Set-Cookie', 'b=2', 'X-b', '']
    expect(endToEnd(raw(...fields))).toEqual(fields)
  })

  it('keep bytes above ASCII as latin1, so that they can be written again', () => {
    expect(endToEnd(raw('X-Name', 'M\u00fcller'))).toEqual(['X-Name', 'M\u00fcller'])
    expect(endToEnd([Buffer.from('X-Utf8'), Buffer.from('ü')])).toEqual(['X-Utf8', '\u00c3\u00bc'])
  })

  it('are the same whether they lie in one read, in several, or out of order', () => {
    const read = Buffer.from('Date: now\r\nX-Name: M\u00fcller\r\nX-Empty:\r\n', 'latin1')
    const cut = (from: number, to: number): Buffer => read.subarray(from, to)
    const date = [cut(0, 4), cut(6, 9)]
    const name = [cut(11, 17), cut(19, 25)]
    const empty = [cut(27, 34), cut(35, 35)]
    const fields = ['Date', 'now', 'X-Name', 'M\u00fcller', 'X-Empty', '']
    expect(endToEnd([...date, ...name, ...empty])).toEqual(fields)
    expect(endToEnd([...date, ...name.map((field) => Buffer.concat([field])), ...empty])).toEqual(fields)
    expect(endToEnd([...date, ...name, Buffer.alloc(7, 'X-Empty'), Buffer.alloc(0)])).toEqual(fields)
    expect(endToEnd([...name, ...date])).toEqual(['X-Name', 'M\u00fcller', 'Date', 'now'])
    expect(endToEnd([])).toEqual([])
  })

  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'TE',
    'Transfer-Encoding',
    'Upgrade',
  ])('of one connection are dropped, however they are written: %s', (name) => {
    const kept = ['Server', 'x', 'ETag', 'y']
    for (const written of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(endToEnd(raw('Server', 'x', written, 'close', 'ETag', 'y'))).toEqual(kept)
    }
  })

  it('that Connection names are dropped too, before and after it', () => {
    const fields = ['X-Hop', '1', 'Connection', 'close, x-hop ,X-Other', 'Server', 'x', 'x-OTHER', '2', 'X-Hop', '3']
    expect(endToEnd(raw(...fields))).toEqual(['Server', 'x'])
  })

  it('that several Connection fields name are all dropped', () => {
    const fields = ['Connection', 'x-one', 'X-One', '1', 'connection', 'keep-alive, x-two', 'X-Two', '2', 'Server', 'x']
    expect(endToEnd(raw(...fields))).toEqual(['Server', 'x'])
  })

  it('that matter to the bot stay: framing of the content, caching, throttling', () => {
    const fields = ['Content-Encoding', 'br', 'Content-Length', '2', 'Trailer', 'x', 'Age', '1', 'Retry-After', '3']
    expect(endToEnd(raw(...fields))).toEqual(fields)
  })
})

describe('the reason phrase', () => {
  it.each([
    ['', ''],
    ['Too Many Requests', 'Too Many Requests'],
    ['Don\u2019t', 'Don\xe2\x80\x99t'],
    ['Requ\xeate', 'Requ\xc3\xaate'],
  ])('%j is written in the bytes it came in', (read, written) => {
    expect(reasonPhrase(read)).toBe(written)
  })

  it.each(['A\x01B', 'A\x7fB', 'A\0B', 'Requ\ufffdte'])('%j is left out: it can not be written', (read) => {
    expect(reasonPhrase(read)).toBe('')
  })
})
